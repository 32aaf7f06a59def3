"""The same request by each transport of paceline, side by side: `lab transports`.

app.py       what is served;  clients.py: asks by each transport
measure.py   starts the servers and takes the times
show.py      as text;  plot.py: as a picture
cli.py       the command
"""
