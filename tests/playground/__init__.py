"""A whole Candlehouse for a browser: simulated exchange, daemon and API, with data that are gone afterwards.

`scripts/playground --help` says what can be chosen. One line of JSON on standard output says where all is;
then it runs until SIGTERM or Ctrl-C. *control* in that line is an address at which parts can be stopped and
started, and the warehouse asked:

    GET  /parts                              {"simulator": true, "daemon": true, "api": true}
    POST /parts/api/stop, start, kill        kill is a power failure; start waits until the part answers
    POST /sql     {"sql": "SELECT ..."}      a list of rows, each an object
"""
