// An application around the certified openid-client, with several clients at one issuer. It logs people in and says in JSON
// what it was told of them; what it refuses is a 400 that says why.
//
//   node application.js '{"port": …, "issuer": …, "clients": {NAME: {"secret": …, "method": …}}}'
//
// /login?client=NAME begins a login in this browser: `par` pushes the request first, `dpop` binds the tokens to a key, `pkce=no`
// leaves the challenge out; all else is put into the request. What came of it: /callback, /refresh, /introspect, /revoke, /logout.

import { createServer } from 'node:http'
import * as openid from 'openid-client'

const { port, issuer, clients } = JSON.parse(process.argv[2])
const own = `http://127.0.0.1:${port}`
const SCOPE = 'openid profile email groups'
// What each browser has begun, by its cookie.
const sessions = new Map()
const known = new Map()

// The client of that name, which has looked for its issuer's document once.
async function client(name) {
  if (!known.has(name)) {
    const { secret, method } = clients[name]
    const proof = secret === undefined ? openid.None() : openid[method ?? 'ClientSecretBasic'](secret)
    const options = { execute: [openid.allowInsecureRequests] }
    known.set(name, await openid.discovery(new URL(issuer), name, undefined, proof, options))
  }
  return known.get(name)
}

async function begin(session, query, answer) {
  const { client: name = 'app', par, dpop, pkce, ...more } = query
  const config = await client(name)
  const pending = { expectedState: openid.randomState(), expectedNonce: openid.randomNonce(), idTokenExpected: true }
  const asked = { redirect_uri: `${own}/callback`, scope: SCOPE, state: pending.expectedState, nonce: pending.expectedNonce }
  if (pkce !== 'no') {
    pending.pkceCodeVerifier = openid.randomPKCECodeVerifier()
    asked.code_challenge = await openid.calculatePKCECodeChallenge(pending.pkceCodeVerifier)
    asked.code_challenge_method = 'S256'
  }
  const DPoP = dpop ? openid.getDPoPHandle(config, await openid.randomDPoPKeyPair('ES256')) : undefined
  Object.assign(session, { config, pending, DPoP, tokens: undefined })
  const request = { ...asked, ...more }
  const place = par ? await openid.buildAuthorizationUrlWithPAR(config, request, { DPoP }) : openid.buildAuthorizationUrl(config, request)
  answer.writeHead(302, { location: place.href }).end()
}

// What the tokens say, and what UserInfo does.
async function told({ config, DPoP }, tokens) {
  const claims = tokens.claims()
  const user = await openid.fetchUserInfo(config, tokens.access_token, claims.sub, { DPoP })
  const { access_token: access, refresh_token: refresh, token_type: type, scope, expires_in: expires } = tokens
  return { claims, user, access, refresh, type, scope, expires }
}

async function redeem(session, query, answer, place) {
  const { config, pending, DPoP } = session
  const tokens = await openid.authorizationCodeGrant(config, place, pending, undefined, { DPoP })
  session.tokens = tokens
  say(answer, 200, await told(session, tokens))
}

async function refresh(session, query, answer) {
  const { config, tokens, DPoP } = session
  const next = await openid.refreshTokenGrant(config, query.token ?? tokens.refresh_token, undefined, { DPoP })
  session.tokens = { ...next, refresh_token: next.refresh_token ?? tokens.refresh_token }
  say(answer, 200, await told(session, next))
}

// By the client of that name, or the one of the session.
async function introspect({ config, tokens }, query, answer) {
  const asking = query.client ? await client(query.client) : config
  say(answer, 200, await openid.tokenIntrospection(asking, query.token ?? tokens.access_token))
}

async function revoke({ config, tokens }, query, answer) {
  await openid.tokenRevocation(config, tokens.refresh_token)
  say(answer, 200, {})
}

function logOut({ config, tokens }, query, answer) {
  const asked = { post_logout_redirect_uri: `${own}/bye`, state: 'bye', ...query }
  if (query.hint !== 'no') asked.id_token_hint = tokens.id_token
  delete asked.hint
  answer.writeHead(302, { location: openid.buildEndSessionUrl(config, asked).href }).end()
}

// A login on another device: it is asked for until somebody has said yes or no.
async function device(session, query, answer) {
  const config = await client(query.client)
  const asked = await openid.initiateDeviceAuthorization(config, { scope: SCOPE })
  session.config = config
  session.ends = openid.pollDeviceAuthorizationGrant(config, asked).then((tokens) => told(session, tokens))
  session.ends.catch(() => {})
  say(answer, 200, asked)
}

async function deviceEnds(session, query, answer) {
  say(answer, 200, await session.ends)
}

// The application itself, as nobody.
async function machine(session, { client: name, ...asked }, answer) {
  say(answer, 200, await openid.clientCredentialsGrant(await client(name), asked))
}

const ROUTES = {
  '/login': begin, '/callback': redeem, '/refresh': refresh, '/introspect': introspect, '/revoke': revoke, '/logout': logOut,
  '/device': device, '/device/ends': deviceEnds, '/machine': machine,
  '/bye': (session, query, answer) => say(answer, 200, { bye: query.state }),
  '/': (session, query, answer) => say(answer, 200, {}),
}

function say(answer, status, what) {
  answer.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(what))
}

// The session of the cookie; a new one is told of at the next answer.
function sessionOf(request, answer) {
  const id = /application=([^;]+)/.exec(request.headers.cookie ?? '')?.[1]
  if (sessions.has(id)) return sessions.get(id)
  const made = openid.randomState()
  sessions.set(made, {})
  answer.setHeader('set-cookie', `application=${made}; Path=/; HttpOnly; SameSite=Lax`)
  return sessions.get(made)
}

const server = createServer(async (request, answer) => {
  const place = new URL(request.url, own)
  const route = ROUTES[place.pathname]
  try {
    if (!route) say(answer, 404, {})
    else await route(sessionOf(request, answer), Object.fromEntries(place.searchParams), answer, place)
  } catch (error) {
    const { code, status, error: name, error_description: words, message, cause } = error
    const why = cause instanceof Error ? cause.message : undefined
    say(answer, 400, { code, status, error: name, words, message, why })
  }
})
server.listen(port, '127.0.0.1')
