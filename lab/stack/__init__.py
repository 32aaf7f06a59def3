"""The whole way of a request as local processes: proxy, server and application, and the console.

layout.py        where a stack keeps things, all under var/
ports.py         whether its ports are free, and who holds them
certificate.py   the proxy's certificate, made at first start
proxy.py         nginx: which one, and its configuration from the template
processes.py     processes with a name before each line they write, ended in order
answers.py       whether something answers HTTP
running.py       what is known of a stack that runs: one lock, one file
up.py            puts the parts together
"""
