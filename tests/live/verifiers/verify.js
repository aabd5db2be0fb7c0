// What jose and express-oauth2-jwt-bearer say to tokens, each configured from the strictest to the most lenient way that users
// of it do.
//
// Reads {issuer, audience, jwks_uri, pem, tokens} and prints, for each token, what each way says: the subject that it
// believes, or the error. NODE_EXTRA_CA_CERTS names the authority to trust. Given {secrets, tokens}, the ways are these
// secrets, each in base64 and taken for the key of an HMAC.
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { auth } from 'express-oauth2-jwt-bearer';
import { createLocalJWKSet, createRemoteJWKSet, decodeProtectedHeader, importJWK, importSPKI, jwtVerify } from 'jose';

const { issuer, audience, jwks_uri: place, pem, secrets, tokens } = JSON.parse(readFileSync(0, 'utf8'));
const alg = (token) => decodeProtectedHeader(token).alg;

async function publishedKeys() {
  const remote = createRemoteJWKSet(new URL(place));
  const set = await (await fetch(place)).json();
  return {
    strict: (token) => jwtVerify(token, remote, { issuer, audience, typ: 'at+jwt', algorithms: ['ES256'] }),
    'issuer and audience': (token) => jwtVerify(token, remote, { issuer, audience }),
    'signature alone': (token) => jwtVerify(token, remote),
    'algorithm of the header': (token) => jwtVerify(token, remote, { algorithms: [alg(token)] }),
    'key set by hand': (token) => jwtVerify(token, createLocalJWKSet(set)),
    'first key': async (token) => jwtVerify(token, await importJWK(set.keys[0], alg(token))),
    PEM: async (token) => jwtVerify(token, await importSPKI(pem, 'ES256')),
    'PEM for the algorithm of the header': async (token) => jwtVerify(token, await importSPKI(pem, alg(token))),
    'express, strict': express({ issuerBaseURL: issuer, audience, tokenSigningAlg: 'ES256', strict: true }),
    'express, as documented': express({ issuerBaseURL: issuer, audience }),
    'express, any type and claims': express({ issuerBaseURL: issuer, audience, validators: nothing }),
    'express, key set by place': express({ issuer, jwksUri: place, audience, validators: nothing }),
    'express, PEM': express({ issuer, publicKey: pem, tokenSigningAlg: 'ES256', audience, validators: nothing }),
  };
}

// Of what express-oauth2-jwt-bearer looks at in a token, nothing.
const nothing = Object.fromEntries(
  ['alg', 'typ', 'iss', 'aud', 'exp', 'iat', 'sub', 'client_id', 'jti'].map((name) => [name, false]),
);

// The middleware, as Express calls it.
function express(options) {
  const handle = promisify(auth(options));
  return async (token) => {
    const headers = { host: 'articles.example.com', authorization: `Bearer ${token}` };
    const request = {
      method: 'GET', url: '/', originalUrl: '/', protocol: 'https', query: {}, body: {}, headers,
      get: (name) => headers[name.toLowerCase()],
      is: () => false,
    };
    await handle(request, {});
    return request.auth;
  };
}

function hmacs() {
  const way = ([name, secret]) => [name, (token) => jwtVerify(token, Buffer.from(secret, 'base64'))];
  return Object.fromEntries(Object.entries(secrets).map(way));
}

async function verdict(way, token) {
  try {
    return { subject: (await way(token)).payload.sub };
  } catch (error) {
    return { error: `${error.name}: ${error.message}` };
  }
}

const ways = secrets ? hmacs() : await publishedKeys();
const answer = [];
for (const token of tokens) {
  const said = {};
  for (const [name, way] of Object.entries(ways)) said[name] = await verdict(way, token);
  answer.push(said);
}
console.log(JSON.stringify(answer));
