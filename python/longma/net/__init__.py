"""Where clients come from: the grammar of addresses, and the sockets that listen on them."""
