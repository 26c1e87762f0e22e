/// The page's style: one column on a telephone, up to three charts abreast, light and dark.
let stylesheet: StaticString = """
  :root { color-scheme: light dark; --page: #fbfbfa; --card: #ffffff; --ink: #1c1d21;
    --quiet: #5c6068; --edge: #dcdde1; --track: #ececf0; --a: #1f6fb4; --b: #c4541a;
    --good: #1c7a45; --bad: #b3261e; --warn: #8a5a00; }
  @media (prefers-color-scheme: dark) {
    :root { --page: #16171a; --card: #1f2125; --ink: #e7e8ea; --quiet: #a2a7b0; --edge: #363940;
      --track: #2c2f35; --a: #6cb2ee; --b: #f2915a; --good: #6fce97; --bad: #ff8a80;
      --warn: #e3b341; }
  }
  * { box-sizing: border-box; }
  body { margin: 0 auto; padding: 16px; max-width: 1180px; background: var(--page);
    color: var(--ink); font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
  h1 { font-size: 22px; margin: 8px 0 4px; overflow-wrap: anywhere; }
  h2 { font-size: 17px; margin: 28px 0 8px; }
  h3 { font-size: 14px; margin: 0 0 4px; overflow-wrap: anywhere; }
  p { margin: 4px 0; overflow-wrap: anywhere; }
  code { font: 13px/1.4 ui-monospace, "SF Mono", Menlo, Consolas, monospace;
    overflow-wrap: anywhere; }
  .quiet { color: var(--quiet); }
  .badge { display: inline-block; padding: 1px 9px; border-radius: 10px; font-size: 13px;
    border: 1px solid currentColor; vertical-align: 3px; white-space: nowrap; }
  .good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
  .card { background: var(--card); border: 1px solid var(--edge); border-radius: 8px;
    padding: 12px; min-width: 0; }
  .notice { border-left: 4px solid var(--warn); margin: 8px 0; white-space: pre-line; }
  .notice.bad { border-left-color: var(--bad); }
  .notice.bad, .notice.warn { color: inherit; }
  .tiles { display: grid; gap: 8px; margin: 14px 0;
    grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); }
  .tiles b { display: block; font-size: 20px; font-variant-numeric: tabular-nums; }
  .charts { display: grid; gap: 12px; margin: 10px 0;
    grid-template-columns: repeat(auto-fill, minmax(min(300px, 100%), 1fr)); }
  figure { margin: 0; }
  figcaption { font-size: 13px; color: var(--quiet); }
  svg { display: block; }
  .chart { width: 100%; max-width: 480px; height: auto; }
  .bar { width: 100%; min-width: 60px; }
  .chart text { font: 11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
    fill: var(--quiet); font-variant-numeric: tabular-nums; }
  .chart .label { font-weight: 600; }
  .chart .label.a { fill: var(--a); } .chart .label.b { fill: var(--b); }
  .grid { stroke: var(--edge); stroke-width: 1; }
  .rule { stroke: var(--quiet); stroke-width: 1; stroke-dasharray: 4 3; }
  .axis { stroke: var(--quiet); stroke-width: 1; }
  .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
  .line.a { stroke: var(--a); } .line.b { stroke: var(--b); }
  .dot.a, .fill.a { fill: var(--a); } .dot.b, .fill.b { fill: var(--b); }
  .track { fill: var(--track); }
  .scroll { overflow-x: auto; }
  table { border-collapse: collapse; width: 100%; font-size: 14px; }
  .caption { font-size: 13px; margin: 12px 0 4px; }
  .card > div > .caption { margin-top: 0; }
  th, td { text-align: left; padding: 5px 10px 5px 0; border-bottom: 1px solid var(--edge);
    vertical-align: top; font-weight: normal; }
  thead th { color: var(--quiet); font-size: 13px; vertical-align: bottom; }
  tbody th { min-width: 110px; overflow-wrap: anywhere; }
  .n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
  .n + td:not(.n), .n + th:not(.n) { padding-left: 14px; }
  .wide { width: 190px; padding-top: 3px; }
  .why { white-space: nowrap; }
  .key { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin: 0 4px 0 8px; }
  .key.a { background: var(--a); } .key.b { background: var(--b); }
  .gantt { display: grid; grid-template-columns: minmax(0, 13rem) 1fr 5.5rem; gap: 4px 12px;
    grid-template-areas: "name bar time"; align-items: center; padding: 3px 0; }
  .gantt .name { grid-area: name; overflow-wrap: anywhere; }
  .gantt .bars { grid-area: bar; min-width: 0; }
  .gantt .time { grid-area: time; }
  .ticks { display: flex; justify-content: space-between; font-size: 12px; color: var(--quiet);
    font-variant-numeric: tabular-nums; }
  details { margin: 8px 0; }
  summary { cursor: pointer; color: var(--a); font-size: 14px; }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 14px; margin: 4px 0; }
  dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; }
  .commands { grid-template-columns: minmax(0, max-content) 1fr; }
  @media (max-width: 560px) {
    body { padding: 12px; }
    .gantt { grid-template-columns: 1fr max-content;
      grid-template-areas: "name time" "bar bar"; padding: 5px 0; }
    .commands { grid-template-columns: 1fr; gap: 0; }
    .commands dd { margin-bottom: 8px; }
    .optional { display: none; }
  }
  @media print { body { max-width: none; } .card { break-inside: avoid; } }
  """
