"""Programs to run: `python -m demos` for the main job, `python -m demos.digits` and so on for one of them."""
