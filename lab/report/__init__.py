"""Results of the bench for people to read: `lab report`.

measures.py    what is compared, who is ahead, and who ties with that
bars.py        a measure of one workload as bars;  curves.py: its latencies as curves
page.py        all of it as HTML;  comparison.py: docs/comparison.md and its pictures
cli.py         the command
plot.css       how plots look, wherever they are;  page.css: the page around them
"""
