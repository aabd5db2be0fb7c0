// Visits of a browser: what it complains of, what it asks for besides pages, how wide pages are, and what axe says of them.

import { mkdirSync } from 'node:fs'
import { AxeBuilder } from '@axe-core/playwright'
import { TAGS } from './browser.js'

export const PHONE = { width: 320, height: 640 }
export const DESK = { width: 1280, height: 800 }

// What was found in all visits, and how many pages were looked at; pictures of them are put beside each other.
export class Visits {
  findings = []
  looked = 0

  constructor(shots) {
    this.shots = shots
    mkdirSync(shots, { recursive: true })
  }

  // A context in which every request besides the pages themselves is a finding, and so is every complaint of the browser.
  async open(browser, { language, viewport, colorScheme, javaScriptEnabled }) {
    const locale = { en: 'en-GB', fr: 'fr-FR' }[language]
    const context = await browser.newContext({ locale, viewport, colorScheme, javaScriptEnabled, ignoreHTTPSErrors: true })
    const page = await context.newPage()
    const wrong = (what) => this.findings.push({ where: page.url(), what })
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

  async look({ page, wrong }, what, view) {
    this.looked += 1
    const { scrollWidth, clientWidth } = await page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement
      return { scrollWidth, clientWidth }
    })
    if (scrollWidth > clientWidth) wrong(`${what} is ${scrollWidth} pixels wide in ${clientWidth}`)
    const label = `${what}-${view.language}-${view.colorScheme}-${view.viewport.width}`
    await page.screenshot({ path: `${this.shots}/${label}.png`, fullPage: true })
    if (!view.javaScriptEnabled) return
    const { violations } = await new AxeBuilder({ page }).withTags(TAGS).analyze()
    for (const { id, nodes } of violations) {
      for (const node of nodes) wrong(`axe, ${label}: ${id}: ${node.failureSummary} ${node.html}`)
    }
  }
}
