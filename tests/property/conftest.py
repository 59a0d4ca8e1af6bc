"""No deadlines: a machine may be busy."""

from hypothesis import settings

settings.register_profile("house", settings.default, deadline=None)
settings.load_profile("house")
