"""How a report looks: on a phone, on a desk, in a notebook and on paper."""

# All rules begin with the class of the report's own element: in a notebook they must
# not reach what is around it. A report is white everywhere, as its figures are.
STYLE = """
.emma-report { color-scheme: light; background: #fff; color: #1b1f24;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  max-width: 46rem; margin: 0 auto; padding: 1rem; box-sizing: border-box;
  overflow-wrap: break-word; text-align: left; }
.emma-report * { box-sizing: border-box; }
.emma-report h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }
.emma-report h2 { font-size: 1.25rem; line-height: 1.3; margin: 2rem 0 .5rem;
  border-top: 1px solid #d0d7de; padding-top: 1rem; }
.emma-report h3 { font-size: 1rem; margin: 0 0 .25rem; }
.emma-report p, .emma-report ul, .emma-report dl { margin: .5rem 0; }
.emma-report ul { padding-left: 1.2rem; }
.emma-report .small { color: #57606a; font-size: .875rem; }
.emma-report table { border-collapse: collapse; width: 100%; font-size: .875rem;
  font-variant-numeric: tabular-nums; background: none; }
.emma-report th, .emma-report td { padding: .3rem .35rem; text-align: right;
  vertical-align: top; border-bottom: 1px solid #d0d7de; background: none;
  color: inherit; white-space: normal; overflow-wrap: normal; }
.emma-report th:first-child { text-align: left; }
.emma-report thead th { font-weight: 600; border-bottom: 2px solid #8c959f; }
.emma-report tbody th { font-weight: 600; overflow-wrap: anywhere; min-width: 3rem; }
.emma-report td.small { text-align: left; padding-top: 0; overflow-wrap: anywhere; }
.emma-report .row tbody tr:has(+ tr td.small) > * { border-bottom: 0; }
.emma-report .row tbody tr:last-child > * { border-bottom: 0; }
.emma-report .bar { display: block; height: .35rem; background: #e6e9ed;
  border-radius: .2rem; margin-top: .15rem; min-width: 2.5rem; }
.emma-report .bar i { display: block; height: 100%; background: #0072b2;
  border-radius: .2rem; }
.emma-report .rings { color: #b3400a; font-weight: 600; }
.emma-report .figures { display: grid; gap: .75rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); }
.emma-report figure { margin: 0; }
.emma-report figcaption { font-size: .875rem; font-weight: 600; }
.emma-report img { max-width: 100%; height: auto; display: block; background: #fff; }
.emma-report .row { border: 1px solid #d0d7de; border-radius: .4rem;
  padding: .75rem; margin: .75rem 0; }
.emma-report dt { font-weight: 600; margin-top: .5rem; }
.emma-report dd { margin: 0; }
@media (max-width: 24rem) {
  .emma-report { padding: .75rem; }
  .emma-report th, .emma-report td { padding: .3rem .15rem; }
}
@media print {
  .emma-report { max-width: none; padding: 0; font-size: 11pt; }
  .emma-report .row, .emma-report figure, .emma-report tr, .emma-report dd {
    break-inside: avoid; }
  .emma-report h2, .emma-report h3, .emma-report dt { break-after: avoid; }
  .emma-report .bar, .emma-report .bar i { print-color-adjust: exact;
    -webkit-print-color-adjust: exact; }
}
"""
