"""What Django's checks say of the settings at `migrate`, which each start in production runs first."""

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register


@register()
def proxies_declared(app_configs: object, **options: object) -> list[CheckMessage]:
    """HTTPS ends in a proxy of ours, and without its number every client counts as one: the proxy."""
    if not settings.PRODUCTION or settings.PROXIES:
        return []
    return [
        Warning(
            "DRAWBENCH_PROXIES is 0, so limits count all clients behind your proxy as one.",
            hint="Set DRAWBENCH_PROXIES=1 if nginx stands in front as in deploy/nginx.conf.",
            id="drawbench.W001",
        )
    ]
