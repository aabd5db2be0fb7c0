// An application around Auth.js, which logs people in and says at /api/auth/session who they are.
//
//   node application.js '{"port": …, "issuer": …, "clients": {NAME: {"id": …, "secret": …}}}'

import { createServer } from 'node:http'
import { Auth } from '@auth/core'

const { port, issuer, clients } = JSON.parse(process.argv[2])
const own = `http://127.0.0.1:${port}`

const config = {
  basePath: '/api/auth',
  secret: 'throw-away',
  trustHost: true,
  // As docs/applications.md has it.
  providers: Object.entries(clients).map(([name, { id, secret }]) => ({
    id: name,
    name,
    type: 'oidc',
    issuer,
    clientId: id,
    clientSecret: secret,
    authorization: { params: { scope: 'openid profile email groups' } },
    checks: ['pkce', 'state', 'nonce'],
  })),
  callbacks: {
    jwt: ({ token, profile }) => (profile ? { ...token, sub: profile.sub, groups: profile.groups } : token),
    session: ({ session, token }) => ({ ...session, sub: token.sub, groups: token.groups }),
  },
}

const server = createServer(async (request, answer) => {
  const parts = []
  for await (const part of request) parts.push(part)
  const body = request.method === 'POST' ? Buffer.concat(parts) : undefined
  const headers = new Headers(Object.entries(request.headers))
  const said = await Auth(new Request(own + request.url, { method: request.method, headers, body }), config)
  answer.statusCode = said.status
  for (const [name, value] of said.headers) if (name !== 'set-cookie') answer.setHeader(name, value)
  answer.setHeader('set-cookie', said.headers.getSetCookie())
  answer.end(Buffer.from(await said.arrayBuffer()))
})
server.listen(port, '127.0.0.1')
