"""How a request is read: who calls, what it holds, what must hold, and whether it came before."""
