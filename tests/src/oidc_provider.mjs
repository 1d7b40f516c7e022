// An OpenID Connect provider for the tests: oidc-provider, certified by the OpenID Foundation, with JWT access tokens that live for
// a few seconds. What a test does to it goes through /test/…; everything else is the provider's own.
//
//     node oidc_provider.mjs DIRECTORY_OF_NODE_MODULES LIFETIME_IN_SECONDS CLIENT_ID=SECRET…
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, lifetime, ...clients] = process.argv.slice(2);
const AUDIENCE = 'kafka';

const server = http.createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const { Provider } = await import(pathToFileURL(join(modules, 'oidc-provider/lib/index.js')));
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const provider = new Provider(issuer, {
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'tests' }] },
  clients: clients.map((client) => {
    const [client_id, client_secret] = client.split('=');
    return {
      client_id,
      client_secret,
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    };
  }),
  scopes: ['kafka'],
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'urn:kafka',
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'kafka',
        audience: AUDIENCE,
        accessTokenTTL: Number(lifetime),
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
});

const issued = {};
provider.on('client_credentials.issued', ({ clientId }) => { issued[clientId] = (issued[clientId] ?? 0) + 1; });
const asked = {};
let refuses = false;
const answers = provider.callback();

function clientOf(request) {
  const [, credentials = ''] = (request.headers.authorization ?? '').split(' ');
  return Buffer.from(credentials, 'base64').toString().split(':')[0];
}

async function answer(request, response) {
  const url = new URL(request.url, issuer);
  switch (url.pathname) {
    case '/test/counts':
      return response.end(JSON.stringify({ issued, asked }));
    case '/test/refuse':
      refuses = true;
      return response.end('{}');
    case '/test/accept':
      refuses = false;
      return response.end('{}');
    case '/test/tls': {
      const identity = { pfx: readFileSync(url.searchParams.get('pfx')), passphrase: url.searchParams.get('passphrase') };
      const secure = https.createServer(identity, answer);
      await new Promise((listening) => secure.listen(0, '127.0.0.1', listening));
      return response.end(JSON.stringify({ port: secure.address().port }));
    }
    case '/token': {
      const client = clientOf(request);
      asked[client] = (asked[client] ?? 0) + 1;
      // As if the client's secret had been changed: the provider itself refuses then.
      if (refuses) request.headers.authorization = `Basic ${Buffer.from(`${client}:changed`).toString('base64')}`;
      return answers(request, response);
    }
    default:
      return answers(request, response);
  }
}
server.on('request', answer);
// The tests end it by closing its standard input, or by ending themselves.
process.stdin.on('end', () => process.exit(0)).resume();
console.log(JSON.stringify({ issuer, audience: AUDIENCE }));
