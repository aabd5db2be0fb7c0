// Walks through Pasee's pages as people do, in a real browser: on a phone and at a desk, in light and dark, in English and French,
// by keyboard, without scripts; and has axe look at each page. Prints what is wrong with them, a line each, as JSON.
//
//   node walk.js '{"chromium": …, "url": …, "name": …, "password": …, "invitation": …, "group": …, "shots": …}'
//
// `invitation` is a link into `group`.

import { chromium } from 'playwright-core'
import { ARGUMENTS } from './browser.js'
import { DESK, PHONE, Visits } from './visits.js'

const { chromium: program, url, name, password, invitation, group, shots } = JSON.parse(process.argv[2])
const texts = {
  en: {
    in: 'Log in', home: 'Who you are', out: 'Log out', gone: 'You are logged out', lost: 'There is no such page',
    invited: `You are invited to ${group}`, joined: 'You are in the group', there: 'You are in the group already',
    stale: 'This invitation is not good', leave: `Do you want to leave ${group}?`, left: 'You have left the group',
  },
  fr: {
    in: 'Connexion', home: 'Qui vous êtes', out: 'Se déconnecter', gone: 'Vous êtes déconnecté', lost: 'Cette page n’existe pas',
    invited: `Vous êtes invité dans ${group}`, joined: 'Vous faites partie du groupe', there: 'Vous faites déjà partie du groupe',
    stale: 'Cette invitation ne vaut pas', leave: `Voulez-vous quitter ${group} ?`, left: 'Vous avez quitté le groupe',
  },
}

const visits = new Visits(shots)

function heading(page) {
  return page.locator('h1').innerText()
}

async function expect(visit, text) {
  const found = await heading(visit.page)
  if (found !== text) visit.wrong(`is headed ${JSON.stringify(found)} in the place of ${JSON.stringify(text)}`)
}

// By keyboard alone: what has the focus is seen, and goes on with Enter.
async function typed(page, text) {
  await page.keyboard.press('Tab')
  await page.keyboard.type(text)
}

// Into a group by an invitation, and out of it again.
async function inAndOut(visit, view, words) {
  const { page } = visit
  await page.goto(invitation)
  await expect(visit, words.invited)
  await visits.look(visit, 'invitation', view)
  await page.locator('form button').press('Enter')
  await page.waitForSelector('form', { state: 'detached' })
  await expect(visit, words.joined)
  await visits.look(visit, 'joined', view)
  await page.goto(invitation)
  await expect(visit, words.there)
  await visits.look(visit, 'already', view)
  await page.goto(`${invitation}A`)
  await expect(visit, words.stale)
  await visits.look(visit, 'no-invitation', view)
  await page.goto(url)
  await page.locator(`a[href*="/leave?group=${group}"]`).press('Enter')
  await page.waitForURL(`${url}/leave?group=${group}`)
  await expect(visit, words.leave)
  await visits.look(visit, 'leave', view)
  await page.locator('form button').press('Enter')
  await page.waitForSelector('form', { state: 'detached' })
  await expect(visit, words.left)
  await visits.look(visit, 'left', view)
}

async function walk(browser, view) {
  const visit = await visits.open(browser, view)
  const { page } = visit
  const words = texts[view.language]
  await page.goto(url)
  await expect(visit, words.in)
  await visits.look(visit, 'choices', view)
  await page.getByRole('link', { name: /people/ }).focus()
  await page.keyboard.press('Enter')
  await page.waitForSelector('#username')
  await visits.look(visit, 'login', view)
  // The field has the focus, without a script.
  const focused = await page.evaluate(() => document.activeElement.id)
  if (focused !== 'username') visit.wrong(`the focus is on ${JSON.stringify(focused)}`)
  await page.keyboard.type(name)
  await typed(page, 'wrong')
  await page.keyboard.press('Enter')
  await page.waitForSelector('[role=alert]')
  await visits.look(visit, 'wrong', view)
  await page.keyboard.type(password)
  await page.keyboard.press('Enter')
  await page.waitForSelector('dl')
  await expect(visit, words.home)
  await visits.look(visit, 'home', view)
  await inAndOut(visit, view, words)
  await page.goto(`${url}/logout`)
  await visits.look(visit, 'logout', view)
  await page.getByRole('button', { name: words.out }).press('Enter')
  await page.waitForURL(`${url}/logout`)
  await expect(visit, words.gone)
  await visits.look(visit, 'gone', view)
  await page.goto(`${url}/nowhere`)
  await expect(visit, words.lost)
  await visits.look(visit, 'lost', view)
  await visit.context.close()
}

// How far the focus goes by Tab: over everything that can be pressed, in the order in which it is read, and seen.
async function tab(browser) {
  const view = { language: 'en', viewport: DESK, colorScheme: 'light', javaScriptEnabled: true }
  const { context, page, wrong } = await visits.open(browser, view)
  await page.goto(url)
  const wanted = await page.locator('a, button, input:not([type=hidden])').count()
  const seen = []
  for (let step = 0; step < wanted; step += 1) {
    await page.keyboard.press('Tab')
    const [place, outline] = await page.evaluate(() => {
      const { y, x } = document.activeElement.getBoundingClientRect()
      return [[y, x], getComputedStyle(document.activeElement).outlineStyle]
    })
    if (outline === 'none') wrong(`focus ${step} is not seen`)
    if (seen.length && place[0] < seen.at(-1)[0]) wrong('the focus goes up')
    seen.push(place)
  }
  await context.close()
}

const browser = await chromium.launch({ executablePath: program, args: ARGUMENTS })
try {
  for (const language of ['en', 'fr']) {
    for (const [viewport, colorScheme, javaScriptEnabled] of [
      [PHONE, 'light', true], [PHONE, 'dark', false], [DESK, 'dark', true], [DESK, 'light', false],
    ]) {
      await walk(browser, { language, viewport, colorScheme, javaScriptEnabled })
    }
  }
  await tab(browser)
} finally {
  await browser.close()
}
console.log(JSON.stringify({ looked: visits.looked, findings: visits.findings }))
