// A real OpenID provider (npm oidc-provider, certified) for tests: on loopback over TLS, with invented people who sign in by name.
// It reads its settings as one line of JSON from the standard input, prints its issuer, and ends when its input does.
import { createServer } from 'node:https';
import { createInterface } from 'node:readline';
import { Provider } from 'oidc-provider';

const people = {
  ann: { email: 'Ann@Clinic.Example', email_verified: true, name: 'Ann Alder' },
  ben: { email: 'ben@clinic.example', email_verified: true, name: 'Ben Birch' },
  cat: { email: 'cat@clinic.example', email_verified: false, name: 'Cat Cedar' },
};

const lines = createInterface({ input: process.stdin });
lines.on('close', () => process.exit(0));
lines.once('line', (line) => {
  const { cert, key, redirect, secret } = JSON.parse(line);
  let handle;
  const server = createServer({ cert, key }, (req, res) => handle(req, res));
  server.listen(0, '127.0.0.1', () => {
    const issuer = `https://127.0.0.1:${server.address().port}`;
    const provider = new Provider(issuer, {
      clients: [{ client_id: 'fastness', client_secret: secret, redirect_uris: [redirect], grant_types: ['authorization_code'], response_types: ['code'] }],
      pkce: { required: () => true },
      claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
      findAccount: (_, id) => people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
      cookies: { keys: ['only for tests'] },
    });
    provider.on('server_error', (_, err) => console.error(err));
    handle = provider.callback();
    console.log(issuer);
  });
});
