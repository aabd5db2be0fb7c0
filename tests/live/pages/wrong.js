// A page with mistakes, and which of axe's rules find them.
//
//   node wrong.js '{"chromium": …}'

import { AxeBuilder } from '@axe-core/playwright'
import { chromium } from 'playwright-core'
import { ARGUMENTS, TAGS } from './browser.js'

const { chromium: executablePath } = JSON.parse(process.argv[2])
const browser = await chromium.launch({ executablePath, args: ARGUMENTS })
try {
  const page = await (await browser.newContext()).newPage()
  await page.setContent('<title>x</title><p style="color:#ccc;background:#fff">pale</p><img src="data:,"><input name=a>')
  const { violations } = await new AxeBuilder({ page }).withTags(TAGS).analyze()
  console.log(JSON.stringify({ rules: violations.map(({ id }) => id) }))
} finally {
  await browser.close()
}
