"""The graph networks on quotient graphs."""
