// An OpenID Connect provider for the tests: oidc-provider, certified by the OpenID Foundation, with JWT access tokens that live for
// a few seconds. What a test does to it goes through /test/…; everything else is the provider's own.
//
//     node oidc_provider.mjs DIRECTORY_OF_NODE_MODULES LIFETIME_IN_SECONDS CLIENT_ID=SECRET[=CALLBACK]…
//
// A client with a callback signs users in; the others get access tokens for Kafka with their own credentials.
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

// The user who sits at every browser, and whether that user agrees to the sign-in.
let user = { sub: 'user-1' };
let agrees = true;
const users = {};

function clientSettings(client) {
  const [client_id, client_secret, callback] = client.split('=');
  const basic = { client_id, client_secret, token_endpoint_auth_method: 'client_secret_basic' };
  if (!callback) return { ...basic, grant_types: ['client_credentials'], redirect_uris: [], response_types: [] };
  return {
    ...basic,
    grant_types: ['authorization_code'],
    redirect_uris: [callback],
    response_types: ['code'],
    post_logout_redirect_uris: [new URL('..', callback).href],
  };
}

const isForKafka = (client) => client.grantTypeAllowed('client_credentials');

// Another provider with the same name and the same state, as after its keys were replaced.
function providerWithNewKey(kid) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const provider = new Provider(issuer, {
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid }] },
    cookies: { keys: ['for tests'] },
    clients: clients.map(clientSettings),
    scopes: ['kafka', 'openid', 'profile', 'email', 'groups'],
    claims: { openid: ['sub'], profile: ['preferred_username'], email: ['email', 'email_verified'], groups: ['groups'] },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ ...users[sub], sub }) }),
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: (_, client) => (isForKafka(client) ? 'urn:kafka' : undefined),
        useGrantedResource: (ctx) => isForKafka(ctx.oidc.client),
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
  provider.on('client_credentials.issued', ({ clientId }) => { issued[clientId] = (issued[clientId] ?? 0) + 1; });
  return provider;
}

// Does at once what a user would do in a form.
async function interact(request, response) {
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  const finish = (result) => provider.interactionFinished(request, response, result);
  if (!agrees) return finish({ error: 'access_denied', error_description: 'the user <b>declined</b>' });
  if (prompt.name === 'login') return finish({ login: { accountId: user.sub } });
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  return finish({ consent: { grantId: await grant.save() } });
}

const issued = {};
const asked = {};
let refuses = false;
let provider = providerWithNewKey('first');
let answers = provider.callback();

function clientOf(request) {
  const [, credentials = ''] = (request.headers.authorization ?? '').split(' ');
  return Buffer.from(credentials, 'base64').toString().split(':')[0];
}

async function answer(request, response) {
  const url = new URL(request.url, issuer);
  if (url.pathname.startsWith('/interaction/')) return interact(request, response);
  switch (url.pathname) {
    case '/test/user':
      user = JSON.parse(url.searchParams.get('claims'));
      users[user.sub] = user;
      return response.end('{}');
    case '/test/decline':
      agrees = false;
      return response.end('{}');
    case '/test/rotate':
      provider = providerWithNewKey('second');
      answers = provider.callback();
      return response.end('{}');
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
// They read one line; the provider's notices, which come later, find the pipe closed.
process.stdout.on('error', () => {});
console.log(JSON.stringify({ issuer, audience: AUDIENCE }));
