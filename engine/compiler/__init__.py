"""The compiler: a function of Values, traced once, differentiated as a graph, planned, and run by a back end."""
