// An OpenID provider (npm oidc-provider) on a loopback port, which prints `listening on URL`.
//
// Tests control it by POST with a JSON body:
//   /control/keys  {"keys": [ID, …]}           publishes the public keys of these ids and signs with the first; new ids are made
//   /control/sign  {"key", "header", "claims"} signs any claims with the key of an id
//   /control/token {"resource", "scope"}       asks the provider for an access token (client credentials)
//   /control/hmac  {"key", "header", "claims"} signs them with the PEM of the public key as the secret of HS256
import { createHmac } from 'node:crypto';
import http from 'node:http';
import { CompactSign, exportJWK, exportSPKI, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';

const SECRET = 'a secret of the tests alone';
const made = new Map();
let provider;
let issuer;

async function key(id) {
  if (!made.has(id)) {
    const pair = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true });
    const jwk = { ...(await exportJWK(pair.privateKey)), kid: id, use: 'sig', alg: 'RS256' };
    made.set(id, { jwk, ...pair });
  }
  return made.get(id);
}

// The provider takes its keys when it is made.
async function publish(ids) {
  const keys = [];
  for (const id of ids) keys.push((await key(id)).jwk);
  provider = new Provider(issuer, {
    jwks: { keys },
    clients: [
      {
        client_id: 'pipeline',
        client_secret: SECRET,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    clientAuthMethods: ['client_secret_post'],
    extraTokenClaims: () => ({ groups: ['builders'] }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource) => ({
          scope: 'env.read env.write',
          audience: resource,
          accessTokenTTL: 300,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  });
}

async function control(path, body) {
  if (path === '/control/keys') {
    await publish(body.keys);
    return '';
  }
  if (path === '/control/token') {
    const form = { grant_type: 'client_credentials', client_id: 'pipeline', client_secret: SECRET, ...body };
    const response = await fetch(`${issuer}/token`, { method: 'POST', body: new URLSearchParams(form) });
    const { access_token: token, error_description: problem } = await response.json();
    if (!token) throw new Error(problem);
    return token;
  }
  const { privateKey, publicKey } = await key(body.key);
  if (path === '/control/sign') {
    return new CompactSign(Buffer.from(JSON.stringify(body.claims))).setProtectedHeader(body.header).sign(privateKey);
  }
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part(body.header)}.${part(body.claims)}`;
  return `${text}.${createHmac('sha256', await exportSPKI(publicKey)).update(text).digest('base64url')}`;
}

const server = http.createServer(async (request, response) => {
  if (!request.url.startsWith('/control/')) {
    provider.callback()(request, response);
    return;
  }
  try {
    const parts = [];
    for await (const part of request) parts.push(part);
    response.end(await control(request.url, JSON.parse(Buffer.concat(parts).toString())));
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
});
server.listen(0, '127.0.0.1', async () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  await publish(['first']);
  console.log(`listening on ${issuer}`);
});
