package internal_test

// rooms are the rooms of the house in the order in which a request meets them, which is also the order of `ls internal`.
// A room may import only rooms that stand after it.
var rooms = []string{
	"attack", "backup", "console", "deploy", "edge", "guard", "identity", "keep", "ledger", "plan", "scan", "seal",
	"store", "types",
}

// sibling is one permitted import inside a room: from and to are paths below internal, without which a package of a room
// knows nothing of its neighbours. A `to` that ends in "/..." allows every package below it.
type sibling struct{ from, to, because string }

// siblings is the one table of imports between packages of the same room. Add a line with its reason when you need one.
var siblings = []sibling{
	{"plan/decl", "plan/colour", "an accent must be readable on the pages' ground"},
	{"plan", "plan/decl", "the compiled plan is made from the declaration's tree"},
	{"plan", "plan/rule", "compiled rules are part of the plan"},
	{"plan/decl", "plan/slip", "a word of another language is refused with what to write"},
	{"plan/rule", "plan/slip", "a rule of another language is refused with what to write"},
	{"edge", "edge/...", "the room's root puts its parts together"},
	{"keep", "keep/...", "the room's root puts its parts together"},
	{"keep/row", "keep/value", "rows are made of typed values"},
	{"keep/judge", "keep/row", "a verdict is explained on the row it was about"},
	{"keep/view", "keep/judge", "a view is what the read rules leave to a caller"},
	{"keep/view", "keep/row", "a view is written from stored rows"},
	{"keep/view", "keep/value", "columns become JSON in the form of their type"},
	{"keep/removal", "keep/view", "a row that its deleter cannot see need not refuse"},
	{"keep/removal", "keep/row", "what goes along are stored rows"},
	{"keep/page", "keep/view", "a page is rows as a caller may see them"},
	{"keep/page", "keep/row", "sort keys are columns"},
	{"keep/page", "keep/value", "filters compare with typed values"},
	{"keep/migration", "keep/value", "stored values are read and converted by the code that reads requests"},
	{"keep/keeptest", "keep", "it is a Keep for the tests of this room"},
	{"console/account", "console/field", "profiles are forms of declared fields"},
	{"console/account", "console/membership", "organisations are part of what a person looks after"},
	{"console/membership", "console/page", "the pages of people stand in the shell that all pages share"},
	{"console/account", "console/page", "the pages of people stand in the shell that all pages share"},
	{"console/field", "console/page", "a declared field is one of the inputs of pages"},
	{"identity", "identity/...", "the room's root puts its parts together"},
	{"identity/account", "identity/feed", "what an account loses is told to every process"},
	{"identity/session", "identity/feed", "a session that ended is forgotten by every process"},
	{"identity/grant", "identity/feed", "a role that was withdrawn is forgotten by every process"},
	{"identity/token", "identity/feed", "a revoked token is forgotten by every process"},
	{"identity/grant", "identity/session", "whoever grants must still be signed in"},
	{"identity/token", "identity/session", "whoever issues a token must still be signed in"},
	{"identity/operator", "identity/organisation", "what somebody holds within organisations is explained with the rest"},
	{"identity/signin", "identity/account", "the machine reads what an account has enrolled"},
	{"identity/signin", "identity/session", "its one door starts sessions"},
	{"identity/signin", "identity/throttle", "each guess is counted before it is judged"},
	{"identity/password", "identity/password/guess", "a new password is none of those that are tried first"},
	{"identity/password", "identity/password/strength", "how early a new password would be guessed is part of the policy"},
	{"identity/password/guess/mklist", "identity/password/guess", "the list is made of the forms that are looked up"},
	{"identity/passkey", "identity/signin", "it is a factor of the machine"},
	{"identity/totp", "identity/signin", "it is a factor of the machine"},
	{"identity/recovery", "identity/signin", "it is a factor of the machine"},
	{"identity/oidc", "identity/account", "who comes from a provider has an account, or gets one"},
	{"identity/oidc", "identity/grant", "newcomers get their first roles"},
	{"identity/oidc", "identity/session", "a link is made in the session that began it"},
	{"identity/oidc", "identity/signin", "a provider's proof ends in the one door to a session"},
	{"identity/oidc", "identity/signup", "an invitation may be accepted with a provider"},
	{"identity/oidc", "identity/throttle", "ends of sign-ins are counted"},
	{"identity/oidc", "identity/jws", "ID tokens are signed"},
	{"identity/jws", "identity/key", "a key that cannot be one verifies nothing"},
	{"identity/passkey", "identity/key", "a key that cannot be one is not enrolled"},
	{"identity/oidc", "identity/wire", "its endpoints answer as the others of the room"},
	{"identity/organisation", "identity/wire", "its endpoints answer as the others of the room"},
	{"identity/operator", "identity/account", "it manages accounts"},
	{"identity/operator", "identity/session", "what was taken from an account ends its sessions"},
	{"identity/operator", "identity/foreign", "hashes are checked before they are imported"},
	{"identity/operator", "identity/grant", "it grants and withdraws roles"},
	{"identity/operator", "identity/signup", "who is added gets a link"},
	{"identity/operator", "identity/token", "a factor that is demanded ends tokens that were issued without it"},
	{"identity/operator", "identity/totp", "factors of somebody who lost them are forgotten"},
	{"identity/operator", "identity/passkey", "factors of somebody who lost them are forgotten"},
	{"identity/operator", "identity/recovery", "factors of somebody who lost them are forgotten"},
	{"identity/selfservice", "identity/account", "an account is read before its factors change"},
	{"identity/selfservice", "identity/passkey", "one of the factors that a person adds and removes"},
	{"identity/selfservice", "identity/recovery", "one of the factors that a person adds and removes"},
	{"identity/selfservice", "identity/session", "a person lists and ends his own sessions"},
	{"identity/selfservice", "identity/signin", "a change of factors gives the session a new token"},
	{"identity/selfservice", "identity/token", "a person lists his own tokens"},
	{"identity/selfservice", "identity/totp", "one of the factors that a person adds and removes"},
	{"identity/mail", "identity/account", "mail goes to canonical addresses only"},
	{"identity/mail", "identity/signup", "it sends the letters of links"},
	{"identity/operator", "identity/signin", "the owner is told of a reset as of any change of factors"},
	{"identity/signup", "identity/account", "links make and change accounts"},
	{"identity/signup", "identity/grant", "newcomers get their first roles"},
	{"identity/signup", "identity/session", "a new password ends every session"},
	{"identity/signup", "identity/signin", "answers leave at the machine's floor"},
	{"identity/signup", "identity/throttle", "requests for mail are counted"},
	{"identity/organisation", "identity/account", "an invitation is bound to an address"},
	{"identity/organisation", "identity/grant", "roles within an organisation stand beside those of the account"},
	{"identity/organisation", "identity/session", "an organisation is active in a session, which takes a new token with another"},
	{"identity/organisation", "identity/signin", "who joins says which device he uses"},
	{"identity/organisation", "identity/signup", "invitations are letters, and make accounts for those who have none"},
	{"identity/organisation", "identity/throttle", "letters are counted"},
	{"scan", "scan/...", "the room's root puts its parts together"},
	{"scan/settings", "scan/finding", "what was left open is a finding"},
	{"scan/settings", "scan/server", "servers of Node and Go and their images are settings too"},
	{"scan/settings", "scan/source", "Python is read by its tokens"},
	{"scan/server", "scan/finding", "what was left open is a finding"},
	{"scan/server", "scan/source", "JavaScript is read by its tokens"},
	{"scan/osv", "scan/version", "ranges are judged in the order of versions"},
	{"scan/isolation", "scan/inventory", "what is installed is compared with what is locked"},
	{"scan/isolation", "scan/supply", "it says what it found as the other rules do"},
	{"scan/isolation", "scan/version", "one version is written in many ways"},
	{"scan/support", "scan/inventory", "components name the releases that a project stands on"},
	{"scan/support", "scan/supply", "it says what it found as the other rules do"},
	{"scan/trust", "scan/inventory", "components are judged by what their files say"},
	{"scan/trust", "scan/supply", "it says what it found as the other rules do"},
	{"store/sqlite", "store", "an engine implements the seam"},
	{"store/postgres", "store", "an engine implements the seam"},
	{"store/sqlite", "store/fair", "accounts take turns at the writer"},
	{"store/postgres", "store/fair", "accounts take turns at the connections for writes"},
	{"store/job", "store", "leases and the outbox are rows behind the seam"},
	{"store/storetest", "store", "the conformance suite speaks through the seam"},
	{"store/storetest", "store/sqlite", "it opens the engine under test"},
	{"store/storetest", "store/postgres", "it opens the engine under test"},
}

// only are rooms whose imports inside the house are a closed list.
var only = map[string]struct {
	may     []string
	because string
}{
	"attack": {[]string{"attack", "plan/decl", "types"}, "the auditor shares no code with what it attacks"},
	"types":  {[]string{"types"}, "the shared words stand on the standard library alone"},
}

// banned are imports that no product package may have, with the exceptions that exist.
var banned = []struct {
	path    string // a path, or a prefix that ends in "/..."
	except  []string
	because string
}{
	{"math/rand/...", nil, "randomness comes from crypto/rand"},
	{"math/rand", nil, "randomness comes from crypto/rand"},
	{"database/sql/...", nil, "the engines are driven directly; database/sql costs 2 to 5 times the allocations"},
	{"database/sql", nil, "the engines are driven directly; database/sql costs 2 to 5 times the allocations"},
	{"encoding/gob", nil, "it decodes into more than was meant"},
	{"net/http/pprof", nil, "it registers itself on the default mux"},
	{"expvar", nil, "it registers itself on the default mux"},
	{"plugin", nil, "nothing is loaded at run time"},
	{"C", nil, "cgo is off"},
	{"github.com/ccojocar/zxcvbn-go", nil, "it unpacks 18 MiB of lists at every start; ask password/strength"},
	{"github.com/ccojocar/zxcvbn-go/frequency", []string{"internal/identity/password/guess/mklist"}, "it unpacks its lists at every start; ask password/strength"},
	{"github.com/ccojocar/zxcvbn-go/matching", nil, "it unpacks its lists at every start; ask password/strength"},
}

// cryptography says which packages may hold which primitives. crypto/rand and crypto/subtle are free for all: the first is
// the only source of randomness, the second the only way to compare secrets.
var cryptography = []struct {
	in      string   // a package below internal, and all below it
	may     []string // import paths; "..." allows every primitive
	because string
}{
	{"types", []string{"..."}, "ids and secrets are made here"},
	{"seal", []string{"..."}, "this is the room of keys"},
	{"identity", []string{"..."}, "passwords, factors and tokens are hashed here"},
	{"edge", []string{"crypto/tls", "crypto/x509", "crypto/x509/pkix", "crypto/ecdsa", "crypto/elliptic", "crypto/sha256"},
		"TLS, the development CA and fingerprints"},
	{"attack", []string{"..."}, "the auditor forges what it attacks with"},
	{"ledger", []string{"crypto/sha256", "crypto/hmac", "crypto/ed25519", "crypto/sha512"}, "Merkle leaves and checkpoints"},
	{"store/postgres", []string{"crypto/tls", "crypto/x509"}, "verify-full to a database on another host"},
	{"console/page", []string{"crypto/sha256"}, "assets carry their digest in their name"},
	{"plan", []string{"crypto/sha256"}, "the version of a plan is its digest"},
}

// lenient are the functions that may read JSON with encoding/json. It takes a member in any case of letters, the last of two, and bytes that
// are no UTF-8; so what it reads must be our own. What others write is read by internal/plan/exact, or by the second version of the
// package, which is strict of itself. The library of passkeys reads with the first version, after passkey.read has read the same exactly.
var lenient = map[string]string{
	"..App.useCosts":                             "a measurement of ours, from our database",
	"cmd/fastness.moving.newcomer":               "one text without names, which foreign has read strictly",
	"cmd/fastness.moving.send":                   "the answer of our own program behind the control socket",
	"cmd/fastness.usersTakeCmd.Run":              "what our own command sends through the control socket",
	"cmd/fastness/control.Ask":                   "the answer of our own program behind the control socket",
	"cmd/fastness/control.one":                   "words of our own command; nobody but the owner opens the socket",
	"internal/console/account.Pages.readProfile": "an answer that our own keep has written",
	"internal/console/field.Shown":               "a value that our own keep has written",
	"internal/console/membership.Pages.names":    "an answer that our own keep has written",
	"internal/identity/mail.unpack":              "a letter that we have sealed",
	"internal/identity/oidc.Providers.resume":    "a flow that we have sealed",
	"internal/identity/passkey.session":          "a challenge that we have sealed",
	"internal/identity/passkey.Passkeys.load":    "a record that we have sealed",
	"internal/identity/token.Tokens.read":        "a scope that we have stored",
	"internal/identity/token.Tokens.List":        "a scope that we have stored",
	"internal/keep/keeptest.Row":                 "for tests alone",
	"internal/keep/keeptest.Kit.List":            "for tests alone",
	"internal/keep/page.Lists.openCursor":        "a cursor that we have sealed",
}

// clocks are the places that may read the machine's clock; everything else is handed a types.Clock.
var clocks = []struct{ in, because string }{
	{"internal/types", "types.SystemClock wraps it"},
	{"bench", "it measures"},
	{"sabotage", "it measures"},
	{".ci", "it measures"},
}

// doors are the places that may open connections by themselves; everything else goes through internal/types/dial.
var doors = []struct{ in, because string }{
	{"internal/types/dial", "it is the door"},
	{"internal/types/hosttest", "for tests alone: it tries whether a port is free"},
	{"internal/store/storetest", "for tests alone: its proxy stands between a test and its database"},
	{"cmd", "the control socket and the health of a server on this machine"},
	{"bench", "it loads a server on this machine"},
	{".ci", "it asks on behalf of developers"},
}

// state are package-level variables that change or guard something, each with the reason why it may.
var state = map[string]string{
	"internal/store/storetest.shelf": "for tests alone: schemas that the next test may use",
}

// Limits of size. Beyond them a noun is missing: find it before adding a line here.
const (
	maxFile     = 500  // lines of a file, tests included
	maxFunction = 80   // lines of a function, tests excluded
	maxPackage  = 2000 // lines of a package, tests and generated files excluded
)

// large are the reasoned exceptions to the limits: a file ("dir/file.go"), a function ("dir/file.go:Name") or a package ("dir").
var large = map[string]string{}
