"""Static files under names that carry a hash of their content, so that browsers may keep them for ever."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    """Also puts the hashed names into the imports of our own scripts, so that a module has one address wherever it is
    named: in a page's `modulepreload` and in the modules that import it.

    Not of other packages' scripts, as Django's `support_js_module_import_aggregation` does: they hold imports, in
    comments and of files that they do not bring, that lead nowhere.
    """

    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        (
            "evaluation/*.js",
            (
                (
                    r"""(?P<matched>\b(?P<word>from|import)\s*["'](?P<url>\.{1,2}/[^"']+)["'])""",
                    """%(word)s "%(url)s\"""",
                ),
            ),
        ),
    )
