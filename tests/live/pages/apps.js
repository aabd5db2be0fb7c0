// Walks from applications on other sites through Pasee and back, as people do, in a real browser: a login, consent, answers by
// redirect and by form, devices, logouts; and has axe look at each page on the way. Prints what is wrong, as JSON.
//
//   node apps.js '{"chromium": …, "url": …, "app": …, "name": …, "password": …, "secret": …, "shots": …}'
//
// `app` is where the application is that these walks begin and end at: it is served here.

import { createServer } from 'node:http'
import { chromium } from 'playwright-core'
import { ARGUMENTS } from './browser.js'
import { DESK, PHONE, Visits } from './visits.js'

// The certificate of Pasee is its own.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
process.removeAllListeners('warning')

const { chromium: program, url, app, name, password, secret, shots } = JSON.parse(process.argv[2])
const visits = new Visits(shots)
const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'

// The application: one page, which says how the browser came there. What came by a form goes on to a page of its own.
const came = []
const server = createServer(async (request, answer) => {
  const { pathname, searchParams } = new URL(request.url, app)
  let body = ''
  for await (const part of request) body += part
  if (request.method === 'POST') {
    came.push({ pathname, by: 'form', said: Object.fromEntries(new URLSearchParams(body)) })
    answer.writeHead(303, { location: '/welcome' }).end()
    return
  }
  came.push({ pathname, by: 'link', said: Object.fromEntries(searchParams) })
  answer.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><html lang="en"><title>The app</title><h1>The app</h1>')
})
await new Promise((resolve) => server.listen(new URL(app).port, '127.0.0.1', resolve))

function place(path, more) {
  return `${url}${path}?${new URLSearchParams(more)}`
}

function authorize(more = {}) {
  const asked = {
    response_type: 'code', client_id: 'app', redirect_uri: `${app}/back`, scope: 'openid profile email groups', state: 's',
    nonce: 'n', code_challenge: CHALLENGE, code_challenge_method: 'S256',
  }
  return place('/oauth2/authorize', { ...asked, ...more })
}

async function call(path, form) {
  const answer = await fetch(`${url}${path}`, {
    method: 'POST', body: new URLSearchParams(form), headers: { authorization: `Basic ${btoa(`app:${secret}`)}` },
  })
  return answer.json()
}

// What the application was told, where the browser has arrived there.
async function told({ page, wrong }, what, pathname, by) {
  try {
    await page.waitForURL((there) => there.href.startsWith(`${app}/`), { timeout: 60_000 })
  } catch {
    wrong(`${what} does not get to the application`)
  }
  const last = came.findLast((one) => one.by === by && one.pathname === pathname)
  came.length = 0
  if (!last) wrong(`${what} tells the application nothing at ${pathname} by a ${by}`)
  return last?.said ?? {}
}

function says(visit, what, wanted, found) {
  if (wanted !== found) visit.wrong(`${what} is ${JSON.stringify(found)} in the place of ${JSON.stringify(wanted)}`)
}

const YES = 'button[name=answer][value=yes]'
const NO = 'button[name=answer][value=no]'

async function logIn(visit, view) {
  const { page } = visit
  await page.goto(authorize())
  await visits.look(visit, 'app-login', view)
  await page.fill('#username', name)
  await page.fill('#password', 'wrong')
  await page.keyboard.press('Enter')
  await page.waitForSelector('[role=alert]')
  await page.fill('#password', password)
  await page.keyboard.press('Enter')
  await page.waitForSelector(YES)
  await visits.look(visit, 'consent', view)
  await page.press(YES, 'Enter')
  const first = await told(visit, 'a consent', '/back', 'link')
  says(visit, 'the state', 's', first.state)
  const again = (await page.goto(authorize()), await told(visit, 'a second login', '/back', 'link'))
  says(visit, 'a second code', 'string', typeof again.code)
  const tokens = await call('/oauth2/token', {
    grant_type: 'authorization_code', code: again.code, redirect_uri: `${app}/back`, code_verifier: VERIFIER,
  })
  says(visit, 'the ID token', 'string', typeof tokens.id_token)
  return tokens
}

async function answers(visit, view) {
  const { page } = visit
  await page.goto(authorize({ response_mode: 'form_post' }))
  if (!view.javaScriptEnabled) {
    await visits.look(visit, 'form-post', view)
    await page.locator('main button, button').first().press('Enter')
  }
  says(visit, 'a code in a form', 'string', typeof (await told(visit, 'an answer in a form', '/back', 'form')).code)
  await page.goto(authorize({ prompt: 'consent' }))
  await page.press(NO, 'Enter')
  says(visit, 'a no', 'access_denied', (await told(visit, 'a no', '/back', 'link')).error)
  // The login that is wished for, of somebody who is logged in, and its answer in a form. It is another session, in which nobody
  // has been asked yet.
  await page.goto(authorize({ prompt: 'login', response_mode: 'form_post' }))
  await page.fill('#username', name)
  await page.fill('#password', password)
  await page.keyboard.press('Enter')
  await page.press(YES, 'Enter')
  if (!view.javaScriptEnabled) {
    await page.waitForSelector(`form[action^="${app}"]`)
    await page.locator('button').first().press('Enter')
  }
  says(visit, 'a code after another login', 'string', typeof (await told(visit, 'another login', '/back', 'form')).code)
  await page.goto(authorize({ client_id: 'nobody' }))
  await visits.look(visit, 'no-client', view)
}

async function devices(visit, view) {
  const { page } = visit
  const begin = () => call('/oauth2/device_authorization', { scope: 'openid' })
  const { user_code: code } = await begin()
  await page.goto(`${url}/device`)
  await visits.look(visit, 'device', view)
  await page.fill('#user_code', 'BCDF-GHJK')
  await page.keyboard.press('Enter')
  await page.waitForSelector('[role=alert]')
  await visits.look(visit, 'device-unknown', view)
  await page.fill('#user_code', code.toLowerCase().replace('-', ' '))
  await page.keyboard.press('Enter')
  await page.waitForSelector(YES)
  await visits.look(visit, 'device-confirm', view)
  await page.press(YES, 'Enter')
  await page.waitForSelector(YES, { state: 'detached' })
  await visits.look(visit, 'device-done', view)
  const { verification_uri_complete: complete } = await begin()
  await page.goto(complete)
  await page.press(NO, 'Enter')
  await page.waitForSelector(NO, { state: 'detached' })
  await visits.look(visit, 'device-denied', view)
}

async function logOut(visit, view) {
  const { page } = visit
  const bye = { post_logout_redirect_uri: `${app}/bye`, state: 's' }
  await page.goto(place('/oauth2/logout', { ...bye, client_id: 'app' }))
  await visits.look(visit, 'end-session', view)
  await page.locator('form button').press('Enter')
  says(visit, 'the state after a logout', 's', (await told(visit, 'a logout', '/bye', 'link')).state)
}

// An ID token of the browser's own session asks nobody.
async function logOutAtOnce(visit, view) {
  const { page } = visit
  const tokens = await logIn(visit, view)
  await page.goto(place('/oauth2/logout', { id_token_hint: tokens.id_token, post_logout_redirect_uri: `${app}/bye` }))
  await told(visit, 'a logout with a hint', '/bye', 'link')
  await page.goto(`${url}/device`)
  if (!(await page.locator('#password').count())) visit.wrong('is still logged in')
}

// A part that gets stuck is a finding, with what the page said then.
async function gone(visit, view, part) {
  try {
    await part(visit, view)
  } catch (error) {
    visit.wrong(`${part.name} gets stuck: ${error.message} on a page that says ${await visit.page.locator('body').innerText()}`)
  }
}

const browser = await chromium.launch({ executablePath: program, args: ARGUMENTS })
try {
  for (const language of ['en', 'fr']) {
    for (const [viewport, colorScheme, javaScriptEnabled] of [[PHONE, 'light', true], [DESK, 'dark', false]]) {
      const view = { language, viewport, colorScheme, javaScriptEnabled }
      const visit = await visits.open(browser, view)
      visit.page.setDefaultTimeout(120_000)
      for (const part of [logIn, answers, devices, logOut, logOutAtOnce]) await gone(visit, view, part)
      await visit.context.close()
    }
  }
} finally {
  await browser.close()
  server.close()
}
console.log(JSON.stringify({ looked: visits.looked, findings: visits.findings }))
