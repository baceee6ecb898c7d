/** The page's style: colours as variables, light and dark; narrow; printed. */
export const style = `
:root {
  color-scheme: light dark;
  --ground: #eef2ee; --sheet: #fff; --ink: #16201a; --soft: #4f5d55; --line: #d7dfd9; --tint: #f3f7f4;
  --grid: #e3e9e4; --axis: #7d8b82; --focus: #1a4fd0;
  --recorded: #7b8a82; --draft: #1d6a48; --more: #b4570a; --fewer: #0d7680; --block: #b3261e; --refusal: #6a3fb5;
  --people: #2a5db0; --alarm-tint: #fdf0ee; --good: #1d6a48;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0d1310; --sheet: #161e1a; --ink: #e9efeb; --soft: #a9b8af; --line: #2c3831; --tint: #1b2520;
    --grid: #28332d; --axis: #7f9087; --focus: #9db9ff;
    --recorded: #93a39a; --draft: #6fd09d; --more: #f2a65a; --fewer: #57c5d0; --block: #ff8a80; --refusal: #bfa1ff;
    --people: #8db4ff; --alarm-tint: #35201d; --good: #7fd6a8;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; overflow-wrap: anywhere;
}
main { max-width: 56rem; margin: 0 auto; padding: 2.5rem 1rem 1rem; }
header { padding: 0 0 1.5rem; }
.eyebrow { margin: 0; color: var(--draft); font-weight: 650; font-size: .8125rem; letter-spacing: .08em; text-transform: uppercase; }
h1 { margin: .25rem 0 .5rem; font-size: clamp(1.6rem, 4.5vw, 2.3rem); line-height: 1.15; letter-spacing: -.02em; }
h2 { margin: 0 0 .5rem; font-size: 1.3rem; letter-spacing: -.01em; }
h3 { margin: 1.5rem 0 .5rem; font-size: 1.05rem; }
p { margin: .4rem 0 .9rem; max-width: 42rem; }
.span, .fine { color: var(--soft); font-size: .9rem; }
.lead { font-size: 1.2rem; line-height: 1.45; }
code { font: .8em/1.4 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; color: var(--soft); }
.name { font-weight: 600; }
section {
  margin: 0 0 1.25rem; padding: 1.5rem; background: var(--sheet); border: 1px solid var(--line); border-radius: 14px;
}
.tiles { display: grid; grid-template-columns: repeat(3, 1fr); gap: .75rem; margin: 0 0 1.25rem; }
.tile {
  padding: .9rem 1rem; background: var(--sheet); border: 1px solid var(--line); border-radius: 14px;
  border-top: 4px solid var(--tone, var(--line));
}
.tile dt { color: var(--soft); font-size: .875rem; }
.tile dd { margin: 0; }
.tile strong { display: block; font-size: 1.7rem; line-height: 1.25; font-variant-numeric: tabular-nums; letter-spacing: -.02em; }
.tile span { color: var(--soft); font-size: .8125rem; }
.more { --tone: var(--more); } .block { --tone: var(--block); } .refusal { --tone: var(--refusal); }
.people { --tone: var(--people); } .alarm { --tone: var(--block); } .calm { --tone: var(--good); } .quiet { --tone: var(--recorded); }
.alarm strong { color: var(--block); }
.good { color: var(--good); font-weight: 600; }
.alarm-box { margin: 1rem 0; padding: .25rem 1rem 1rem; background: var(--alarm-tint); border-left: 4px solid var(--block); border-radius: 8px; }
.alarm-box h3 { margin-top: .75rem; }
figure { margin: 1rem 0 .75rem; }
figcaption { color: var(--soft); font-size: .9rem; }
svg { display: block; width: 100%; height: auto; color: var(--ink); overflow: visible; }
svg.chart-narrow { display: none; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; margin: 0 0 .4rem; padding: 0; list-style: none; font-size: .9rem; color: var(--soft); }
.swatch { display: inline-block; width: .75rem; height: .75rem; margin-right: .4rem; border-radius: 3px; }
details { margin: .5rem 0 0; border-top: 1px solid var(--line); padding: .5rem 0 0; }
summary { cursor: pointer; padding: .2rem 0; color: var(--soft); font-size: .9375rem; font-weight: 550; }
summary:hover { color: var(--ink); }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; border-radius: 4px; }
.scroll { overflow-x: auto; margin: .5rem 0 0; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
caption { text-align: left; color: var(--soft); font-size: .875rem; padding: .25rem 0 .5rem; }
th, td { padding: .45rem .75rem .45rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); overflow-wrap: normal; }
thead th { color: var(--soft); font-weight: 550; font-size: .8125rem; vertical-align: bottom; }
tbody th { font-weight: 400; min-width: 8rem; }
tbody tr:last-child > * { border-bottom: 0; }
.figure { text-align: right; font-variant-numeric: tabular-nums; }
.zero { color: var(--soft); font-weight: 400; }
.effect { color: var(--soft); font-size: .85em; }
.badge { padding: .05rem .45rem; border-radius: 99px; background: var(--tint); border: 1px solid var(--line); color: var(--soft); font-size: .75rem; white-space: nowrap; }
.samples { margin: 0; padding: 0; list-style: none; font-size: .8125rem; white-space: nowrap; font-variant-numeric: tabular-nums; }
.terms dt { font-weight: 600; }
.terms dd { margin: 0 0 .6rem; max-width: 42rem; color: var(--soft); }
footer { max-width: 56rem; margin: 0 auto; padding: 0 1rem 2rem; color: var(--soft); font-size: .875rem; }
@media (max-width: 38rem) {
  main { padding-top: 1.5rem; }
  section { padding: 1.1rem 1rem; border-radius: 12px; }
  svg.chart-wide { display: none; }
  svg.chart-narrow { display: block; }
  .tiles { grid-template-columns: 1fr 1fr; }
}
@media print {
  :root {
    color-scheme: light; --ground: #fff; --sheet: #fff; --ink: #000; --soft: #333; --line: #bbb; --grid: #ddd; --axis: #555;
    --recorded: #777; --draft: #14523a; --more: #a04a00; --fewer: #075e66; --block: #a3271d; --refusal: #5a2fa5; --people: #1f4a91;
    --alarm-tint: #fff; --good: #14523a; --tint: #fff;
  }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  section { border: 0; padding: 0; margin-bottom: 1.5rem; }
  figure, .tile, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .scroll { overflow: visible; }
  details::details-content { content-visibility: visible; block-size: auto; }
}
`;
