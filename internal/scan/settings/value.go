package settings

import (
	"strconv"
	"strings"

	"github.com/fastness-dev/fastness/internal/scan/source"
)

// shape is what is known of a value.
type shape byte

const (
	computed shape = iota // it cannot be followed
	outside               // it comes from the environment, a file or a store of secrets
	none
	boolean
	integer
	text
	list // also a tuple or set
	dict
)

// Limits of values, which are those of settings: a source may double a list in each line.
const (
	maxItems = 256
	maxText  = 1024
)

// value is what an expression is, as far as the source says so.
type value struct {
	shape shape
	text  string
	n     int64
	items []value
	keys  []string // of a dict; items has the values
	part  bool     // a list or dict may hold more than is known
	ref   string   // the dotted name that was written
	file  string
	line  int
}

// truth tells whether a value counts as true, when that is known.
func (v value) truth() (yes, known bool) {
	switch v.shape {
	case none:
		return false, true
	case boolean, integer:
		return v.n != 0, true
	case text:
		return v.text != "", true
	case list, dict:
		return len(v.items) > 0, len(v.items) > 0 || !v.part
	}
	return false, false
}

// has tells whether a list holds a text.
func (v value) has(s string) bool {
	for _, x := range v.items {
		if x.shape == text && x.text == s {
			return true
		}
	}
	return false
}

// truthy makes a boolean.
func truthy(yes bool) value {
	if yes {
		return value{shape: boolean, n: 1}
	}
	return value{shape: boolean}
}

// operate joins two values.
func operate(op string, a, b value) value {
	out := value{}
	switch {
	case op == "or" || op == "and":
		if yes, known := a.truth(); known {
			if yes == (op == "or") {
				return a
			}
			return b
		}
		if a.shape == outside && b.shape != computed {
			out.shape = outside
		}
		return out
	case a.shape == list && (b.shape == list || op == "+") && (op == "+" || op == "|"):
		if b.shape != list {
			a.part = true
			return a
		}
		return join(a, b)
	case b.shape == list && op == "+":
		b.part = true
		return b
	case a.shape == dict && b.shape == dict && op == "|":
		return join(a, b)
	case a.shape == text && b.shape == text && op == "+":
		if len(a.text)+len(b.text) <= maxText {
			out.shape, out.text = text, a.text+b.text
		}
		return out
	case a.shape == integer && b.shape == integer:
		return count(op, a.n, b.n)
	case a.shape == computed || b.shape == computed:
		return out
	case a.shape == outside || b.shape == outside:
		out.shape = outside
	}
	return out
}

// join joins two lists or dicts, up to a bound.
func join(a, b value) value {
	out := value{shape: a.shape, part: a.part || b.part}
	if len(a.items)+len(b.items) > maxItems {
		return value{}
	}
	out.items = append(append(out.items, a.items...), b.items...)
	if a.shape == dict {
		out.keys = append(append(out.keys, a.keys...), b.keys...)
	}
	return out
}

// count does sums with numbers of seconds and the like.
func count(op string, a, b int64) value {
	const far = 1 << 31
	if a > far || b > far || a < -far || b < -far {
		return value{}
	}
	switch {
	case op == "+":
		a += b
	case op == "-":
		a -= b
	case op == "*":
		a *= b
	case op == "//" && b != 0:
		a /= b
	default:
		return value{}
	}
	return value{shape: integer, n: a}
}

// whole reads a number as Python writes it.
func whole(s string) value {
	n, err := strconv.ParseInt(s, 0, 64)
	if err != nil {
		if n, err = strconv.ParseInt(strings.ReplaceAll(s, "_", ""), 10, 64); err != nil {
			return value{}
		}
	}
	return value{shape: integer, n: n}
}

// plain gives what a string means. Of the escapes only those that matter to a comparison are undone.
func plain(t source.Token) string {
	if t.Raw || !strings.Contains(t.Text, `\`) {
		return t.Text
	}
	var out strings.Builder
	for i := 0; i < len(t.Text); i++ {
		c := t.Text[i]
		if c != '\\' || i+1 == len(t.Text) {
			out.WriteByte(c)
			continue
		}
		i++
		switch c = t.Text[i]; c {
		case '\n', '\r':
		case 'x':
			if n, err := strconv.ParseUint(t.Text[i+1:min(i+3, len(t.Text))], 16, 8); err == nil {
				out.WriteByte(byte(n))
				i += 2
			}
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}

// fromOutside tells whether a call or name hands over what is not in the source: the environment, a file, a store of secrets, chance.
func (m *module) fromOutside(ref string) bool {
	switch ref {
	case "os.environ", "environ", "os.getenv", "getenv", "env", "open", "os.urandom", "sys.argv":
		return true
	case "config", "decouple.config", "config.get":
		return m.modules["decouple"] || m.modules["starlette.config"]
	}
	last := ref[strings.LastIndexByte(ref, '.')+1:]
	lower := strings.ToLower(last)
	return strings.HasPrefix(ref, "os.environ.") || strings.HasPrefix(ref, "environ.") || strings.HasPrefix(ref, "env.") || strings.HasPrefix(ref, "secrets.") ||
		last == "read_text" || last == "read" || strings.HasPrefix(lower, "get_env") || strings.HasPrefix(lower, "env_") || strings.HasSuffix(lower, "_env") ||
		strings.HasPrefix(lower, "get_secret") || strings.HasPrefix(lower, "read_secret") || last == "get_random_secret_key" || last == "get_parameter"
}

// call says what a call is worth.
func (m *module) call(ref string, args []value, named map[string]value) value {
	if m.fromOutside(ref) {
		return value{shape: outside}
	}
	switch last := ref[strings.LastIndexByte(ref, '.')+1:]; {
	case (ref == "list" || ref == "tuple" || ref == "set" || ref == "frozenset" || ref == "dict" || ref == "str" || ref == "int" || ref == "bool" ||
		ref == "strtobool" || last == "strtobool") && len(args) == 1:
		if args[0].shape == outside || args[0].shape == list && ref != "dict" && ref != "str" {
			return args[0]
		}
	case ref == "dict" && len(args) == 0:
		out := value{shape: dict}
		for k, v := range named {
			out.keys, out.items = append(out.keys, k), append(out.items, v)
		}
		return out
	case last == "timedelta" && len(args) <= 1:
		out := value{shape: integer}
		if len(args) == 1 {
			named = map[string]value{"days": args[0]}
		}
		for k, v := range named {
			per := map[string]int64{"weeks": 604800, "days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}[k]
			if per == 0 || v.shape != integer || v.n < 0 || v.n > 1<<31 {
				return value{}
			}
			out.n += per * v.n
		}
		return out
	}
	return value{}
}
