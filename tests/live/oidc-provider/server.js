// An OpenID provider with two clients and as many users as come: whoever logs in as NAME is NAME, with the password
// `open sesame, NAME`. Its keys are new at every start. The environment says the rest:
//
//   PORT           where it listens on 127.0.0.1
//   CALLBACK       where it may send browsers back to
//   KEYS           the algorithms to have a key for, such as RS256,ES512
//   SIGNS          the algorithm of ID tokens
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { Provider } from 'oidc-provider';

const { PORT, CALLBACK, KEYS, SIGNS } = process.env;
const issuer = `http://127.0.0.1:${PORT}`;

function key(alg) {
  const pair = {
    RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
    PS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    ES512: () => generateKeyPairSync('ec', { namedCurve: 'P-521' }),
    EdDSA: () => generateKeyPairSync('ed25519'),
  }[alg]();
  return { ...createPrivateKey(pair.privateKey.export({ type: 'pkcs8', format: 'pem' })).export({ format: 'jwk' }), alg, use: 'sig' };
}

function client(id, more) {
  return { client_id: id, redirect_uris: CALLBACK.split(','), id_token_signed_response_alg: SIGNS, ...more };
}

const provider = new Provider(issuer, {
  jwks: { keys: KEYS.split(',').map(key) },
  clients: [
    client('confidential', { client_secret: 'a secret & more: 100 %' }),
    client('public', { token_endpoint_auth_method: 'none' }),
  ],
  clientBasedCORS: () => false,
  cookies: { keys: ['only for tests'] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'groups'] },
  // All claims stand in the ID token, as most providers do it.
  conformIdTokenClaims: false,
  enabledJWA: { idTokenSigningAlgValues: [...new Set([...KEYS.split(','), 'RS256'])] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({
      sub: id, email: `${id}@example.com`, email_verified: id !== 'mallory', name: id, groups: [`team-${id}`],
      iss: 'https://evil.example.com', refresh_token: true,
    }),
  }),
});

// The two forms: who are you, and may they know.
provider.use(async (context, next) => {
  if (!context.path.startsWith('/interaction/')) return next();
  const { prompt, params, session, grantId } = await provider.interactionDetails(context.req, context.res);
  if (context.method === 'GET') {
    context.type = 'html';
    context.body = `<form method="post"><input type="hidden" name="prompt" value="${prompt.name}"></form>`;
    return undefined;
  }
  const parts = [];
  for await (const part of context.req) parts.push(part);
  const form = new URLSearchParams(Buffer.concat(parts).toString());
  let result;
  if (form.get('answer') === 'abort') {
    result = { error: 'access_denied', error_description: 'the user said no' };
  } else if (prompt.name === 'login') {
    if (form.get('password') !== `open sesame, ${form.get('login')}`) context.throw(403, 'wrong password');
    result = { login: { accountId: form.get('login') } };
  } else {
    const grant = grantId ? await provider.Grant.find(grantId) : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    result = { consent: { grantId: await grant.save() } };
  }
  return provider.interactionFinished(context.req, context.res, result, { mergeWithLastSubmission: true });
});

provider.listen(Number(PORT), '127.0.0.1', () => console.log(`listening at ${issuer}`));
