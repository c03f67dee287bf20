"""Law: one file per remote service, each a planner of wanted files; none imports another.

The facts about them (addresses, limits, delays, terms) are rows of `services.toml`.
"""
