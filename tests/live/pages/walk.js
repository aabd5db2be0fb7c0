// Walks through Pasee's pages as people do, in a real browser: on a phone and at a desk, in light and dark, in English and French,
// by keyboard, without scripts; and has axe look at each page. Prints what is wrong with them, a line each, as JSON.
//
//   node walk.js '{"chromium": …, "url": …, "name": …, "password": …, "shots": …}'

import { mkdirSync } from 'node:fs'
import { AxeBuilder } from '@axe-core/playwright'
import { chromium } from 'playwright-core'
import { ARGUMENTS, TAGS } from './browser.js'

const { chromium: program, url, name, password, shots } = JSON.parse(process.argv[2])
mkdirSync(shots, { recursive: true })

const PHONE = { width: 320, height: 640 }
const DESK = { width: 1280, height: 800 }
const texts = {
  en: { in: 'Log in', home: 'Who you are', out: 'Log out', gone: 'You are logged out', lost: 'There is no such page' },
  fr: { in: 'Connexion', home: 'Qui vous êtes', out: 'Se déconnecter', gone: 'Vous êtes déconnecté', lost: 'Cette page n’existe pas' },
}

const findings = []
let looked = 0

// A context in which every request besides the pages themselves is a finding, and so is every complaint of the browser.
async function open(browser, { language, viewport, colorScheme, javaScriptEnabled }) {
  const locale = { en: 'en-GB', fr: 'fr-FR' }[language]
  const context = await browser.newContext({ locale, viewport, colorScheme, javaScriptEnabled, ignoreHTTPSErrors: true })
  const page = await context.newPage()
  const wrong = (what) => findings.push({ where: page.url(), what })
  page.on('request', (request) => {
    if (request.resourceType() !== 'document') wrong(`asks for ${request.url()}`)
  })
  // That an answer was an error is said of error pages too.
  page.on('console', (message) => {
    if (!/status of 4\d\d/.test(message.text())) wrong(`the browser says: ${message.text()}`)
  })
  page.on('pageerror', (error) => wrong(`the browser says: ${error}`))
  return { context, page, wrong }
}

async function look({ page, wrong }, what, view) {
  looked += 1
  const { scrollWidth, clientWidth } = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement
    return { scrollWidth, clientWidth }
  })
  if (scrollWidth > clientWidth) wrong(`${what} is ${scrollWidth} pixels wide in ${clientWidth}`)
  const label = `${what}-${view.language}-${view.colorScheme}-${view.viewport.width}`
  await page.screenshot({ path: `${shots}/${label}.png`, fullPage: true })
  if (!view.javaScriptEnabled) return
  const { violations } = await new AxeBuilder({ page }).withTags(TAGS).analyze()
  for (const { id, nodes } of violations) {
    for (const node of nodes) wrong(`axe, ${label}: ${id}: ${node.failureSummary} ${node.html}`)
  }
}

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

async function walk(browser, view) {
  const visit = await open(browser, view)
  const { page } = visit
  const words = texts[view.language]
  await page.goto(url)
  await expect(visit, words.in)
  await look(visit, 'choices', view)
  await page.getByRole('link', { name: /people/ }).focus()
  await page.keyboard.press('Enter')
  await page.waitForSelector('#username')
  await look(visit, 'login', view)
  // The field has the focus, without a script.
  const focused = await page.evaluate(() => document.activeElement.id)
  if (focused !== 'username') visit.wrong(`the focus is on ${JSON.stringify(focused)}`)
  await page.keyboard.type(name)
  await typed(page, 'wrong')
  await page.keyboard.press('Enter')
  await page.waitForSelector('[role=alert]')
  await look(visit, 'wrong', view)
  await page.keyboard.type(password)
  await page.keyboard.press('Enter')
  await page.waitForSelector('dl')
  await expect(visit, words.home)
  await look(visit, 'home', view)
  await page.goto(`${url}/logout`)
  await look(visit, 'logout', view)
  await page.getByRole('button', { name: words.out }).press('Enter')
  await page.waitForURL(`${url}/logout`)
  await expect(visit, words.gone)
  await look(visit, 'gone', view)
  await page.goto(`${url}/nowhere`)
  await expect(visit, words.lost)
  await look(visit, 'lost', view)
  await visit.context.close()
}

// How far the focus goes by Tab: over everything that can be pressed, in the order in which it is read, and seen.
async function tab(browser) {
  const view = { language: 'en', viewport: DESK, colorScheme: 'light', javaScriptEnabled: true }
  const { context, page, wrong } = await open(browser, view)
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
console.log(JSON.stringify({ looked, findings }))
