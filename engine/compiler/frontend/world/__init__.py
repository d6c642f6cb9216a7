"""What a function asks the world outside Python: files, the clock, the system, other processes, settings of Python.

- hook: refuses such calls while the function runs, and questions for the types and texts of what has no number yet
- questions: the calls that ask
- excuses: the code that may ask nevertheless
- variables: environment variables, which may be read, since they are watched
"""
