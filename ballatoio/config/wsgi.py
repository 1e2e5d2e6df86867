import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ballatoio.config.settings")

application = get_wsgi_application()

# The server loads this before it makes its workers: with the site map read and what is loaded left alone by the
# garbage collector, they share the memory and the first visitor does not wait.
assert get_resolver().url_patterns
gc.collect()
gc.freeze()
