import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { draftPolicy, makeHistory } from '../../bench/history.ts';
import { requirePolicy } from '../../src/config/policy/load.ts';
import { createBacktest } from '../../src/domain/backtest/backtest.ts';
import type { BacktestReport } from '../../src/domain/backtest/report.ts';
import { defaultLevels } from '../../src/domain/ladder.ts';
import { reportPage } from '../../src/report/page.ts';
import { accessibilityFaults, browserMissing, inspectable, launchBrowser } from '../support/browser.ts';

const HISTORY = { seed: 1, decisions: 3000, people: 200, begin: 1_790_000_000, days: 30 } as const;

describe.skipIf(browserMissing())('the report of a backtest', () => {
  let browser: Browser;
  let folder: string;
  let report: BacktestReport;

  beforeAll(async () => {
    browser = await launchBrowser();
    folder = mkdtempSync(join(tmpdir(), 'stile-report-'));
    report = reportOf(draftPolicy, HISTORY.decisions);
    writeFileSync(join(folder, 'full.html'), reportPage({ report, name: 'draft.yaml', at: 1_792_600_000 }));
    const none = reportOf('rules: []', 0);
    writeFileSync(join(folder, 'empty.html'), reportPage({ report: none, name: 'draft.yaml', at: 0 }));
    const same = reportOf('rules: []', 200);
    writeFileSync(join(folder, 'same.html'), reportPage({ report: same, name: 'draft.yaml', at: 0 }));
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  function reportOf(text: string, decisions: number): BacktestReport {
    const policy = requirePolicy(text, { levels: defaultLevels, file: 'draft.yaml' });
    const backtest = createBacktest({ policy, levels: defaultLevels });
    for (const event of makeHistory({ ...HISTORY, decisions })) backtest.add(event);
    return backtest.report();
  }

  async function open(
    file: string,
    { scheme = 'light', width = 1100 }: { scheme?: 'light' | 'dark'; width?: number } = {},
  ): Promise<{ page: Page; asked: string[]; complaints: string[] }> {
    const context = await inspectable(browser, { colorScheme: scheme, viewport: { width, height: 900 } });
    const page = await context.newPage();
    const asked: string[] = [];
    const complaints: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    page.on('console', (message) => complaints.push(message.text()));
    await page.goto(pathToFileURL(join(folder, file)).href);
    return { page, asked, complaints };
  }

  test.each([
    ['full.html', 'light', 1100],
    ['full.html', 'dark', 1100],
    ['full.html', 'light', 360],
    ['same.html', 'dark', 360],
    ['empty.html', 'light', 1100],
  ] as const)(
    '%s, %s, %d wide: readable by everybody, and nothing wider than the page',
    async (file, scheme, width) => {
      const { page } = await open(file, { scheme, width });
      await page.evaluate(
        `document.querySelectorAll('details').forEach((details) => { details.open = true; })`,
      );
      expect(await accessibilityFaults(page)).toEqual([]);
      const wide = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
      expect(wide).toBeLessThanOrEqual(0);
      await page.context().close();
    },
  );

  test('asks the network for nothing and complains of nothing', async () => {
    const { page, asked, complaints } = await open('full.html');
    expect(asked).toEqual([page.url()]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test('each chart has a title and a description, one drawing is seen, and a table has its numbers', async () => {
    const { page } = await open('full.html');
    const charts = await page.evaluate<{ seen: boolean; named: string[]; tables: number }[]>(
      `[...document.querySelectorAll('svg')].map((svg) => ({
        seen: svg.getBoundingClientRect().width > 0,
        named: svg.getAttribute('aria-labelledby').split(' ').map((id) => document.getElementById(id).textContent),
        tables: svg.closest('section').querySelectorAll('table').length,
      }))`,
    );
    expect(charts.length).toBeGreaterThanOrEqual(10);
    expect(charts.filter(({ seen }) => seen)).toHaveLength(charts.length / 2);
    for (const { named, tables } of charts) {
      expect(named.every((text) => text.length > 5)).toBe(true);
      expect(tables).toBeGreaterThan(0);
    }
    await page.context().close();
  });

  test('a narrow screen gets the narrow drawings; paper gets black on white', async () => {
    const { page } = await open('full.html', { width: 360, scheme: 'dark' });
    const seen = (kind: string) => page.locator(`svg.chart-${kind}`).first().isVisible();
    expect([await seen('narrow'), await seen('wide')]).toEqual([true, false]);
    await page.emulateMedia({ media: 'print' });
    const colours = await page.evaluate<string[]>(
      '[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]',
    );
    expect(colours).toEqual(['rgb(0, 0, 0)', 'rgb(255, 255, 255)']);
    await page.context().close();
  });

  test('says the same numbers as the report', async () => {
    const { page } = await open('full.html');
    const text = (await page.textContent('main')) ?? '';
    for (const number of [report.changes.extraPrompts, report.changes.extraBlocks, report.people.affected])
      expect(text).toContain(number.toLocaleString('en'));
    const cells = await page
      .locator('section[aria-labelledby=rules] table')
      .first()
      .locator('tbody tr')
      .allTextContents();
    expect(cells).toHaveLength(report.rules.filter(({ mode }) => mode !== null).length);
    await page.context().close();
  });
});
