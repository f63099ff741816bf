"""How the page looks, light and dark; there is no script in it."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark;
  --page: #f6f7f8; --card: #ffffff; --ink: #17191c; --soft: #53585f; --line: #d5d9de;
  --link: #005a8f; --code: #eef1f4; }
@media (prefers-color-scheme: dark) { :root {
  --page: #15171a; --card: #1e2125; --ink: #e8eaed; --soft: #a8afb8; --line: #3a3f46;
  --link: #7cc4f5; --code: #121417; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
header, main { max-width: 1480px; margin: 0 auto; padding: 0 32px; }
header { padding-top: 28px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 8px; overflow-wrap: anywhere; }
h2 { font-size: 22px; margin: 40px 0 12px; }
h3 { font-size: 17px; margin: 0 0 6px; overflow-wrap: anywhere; }
p { margin: 0 0 10px; max-width: 90ch; overflow-wrap: anywhere; }
.soft { color: var(--soft); }
a { color: var(--link); }
nav ul { display: flex; flex-wrap: wrap; gap: 4px 20px; list-style: none; margin: 12px 0 0; padding: 0; }
.tracks { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(540px, 100%), 1fr)); gap: 20px; }
article { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 16px; }
.steps article { margin-bottom: 20px; }
img { display: block; width: 100%; height: auto; border-radius: 4px; background: #ffffff; }
.steps img { max-width: 1300px; }
figure { margin: 8px 0 0; }
audio { display: block; width: 100%; margin-top: 10px; }
.table { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: 15px; }
caption { text-align: left; padding: 10px 12px 4px; color: var(--soft); }
th, td { text-align: left; vertical-align: top; padding: 6px 12px; border-top: 1px solid var(--line);
  overflow-wrap: break-word; }
thead th { border-top: 0; color: var(--soft); font-weight: 600; }
td.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
th.number { text-align: right; }
code, pre { font: 14px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
pre { background: var(--code); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; margin: 0 0 18px;
  white-space: pre-wrap; overflow-wrap: anywhere; }
summary { cursor: pointer; color: var(--link); margin-bottom: 8px; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
footer { padding: 32px 0; color: var(--soft); font-size: 14px; }
@media print { article { break-inside: avoid; } audio, nav { display: none; } }
"""
