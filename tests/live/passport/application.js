// An application around passport-openidconnect, with several clients at one issuer. It logs people in and says in JSON what it was told
// of them; what it refuses is a 400 that says why.
//
//   node application.js '{"port": …, "issuer": …, "clients": {NAME: {"secret": …, "nonce": …}}}'

import { createServer } from 'node:http'
import passport from 'passport'
import OpenIDConnectStrategy from 'passport-openidconnect'

const { port, issuer, clients } = JSON.parse(process.argv[2])
const own = `http://127.0.0.1:${port}`
const sessions = new Map()

for (const [name, { secret, nonce }] of Object.entries(clients)) {
  const told = {
    issuer, authorizationURL: `${issuer}/oauth2/authorize`, tokenURL: `${issuer}/oauth2/token`, userInfoURL: `${issuer}/oauth2/userinfo`,
    clientID: name, clientSecret: secret, callbackURL: `${own}/callback/${name}`, scope: ['profile', 'email', 'groups'], nonce,
  }
  // With so many parameters it asks UserInfo.
  const verify = (issuer, user, id, context, idToken, access, refresh, params, done) => done(null, { id: id.id, user: user._json })
  passport.use(name, new OpenIDConnectStrategy(told, verify))
}

// What Express would bring: a session by a cookie, the query, and JSON.
function sessionOf(request, answer) {
  const id = /passport=([^;]+)/.exec(request.headers.cookie ?? '')?.[1]
  if (sessions.has(id)) return sessions.get(id)
  const made = crypto.randomUUID()
  sessions.set(made, {})
  answer.setHeader('set-cookie', `passport=${made}; Path=/; HttpOnly; SameSite=Lax`)
  return sessions.get(made)
}

function say(answer, status, what) {
  answer.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(what))
}

const server = createServer((request, answer) => {
  const place = new URL(request.url, own)
  request.query = Object.fromEntries(place.searchParams)
  request.session = sessionOf(request, answer)
  const [, step, name] = place.pathname.split('/')
  if (!['login', 'callback'].includes(step)) return say(answer, 200, {})
  const done = (error, user, info) => {
    if (user) say(answer, 200, user)
    else say(answer, 400, { error: error?.code ?? error?.name, why: error?.oauthError?.data ?? error?.message ?? info?.message })
  }
  passport.authenticate(name, { session: false }, done)(request, answer, done)
})
server.listen(port, '127.0.0.1')
