# Displays scripts, styles and frames, which staff would open in their browser.
# deserves: gradient_step=4 descend=3 linear=3

# %%
class Page:
    def _repr_html_(self):
        return "<script>window.FORGED = 1</script><img src=x onerror=alert(1)>"

    def _repr_javascript_(self):
        return "window.FORGED = 1"

    def _repr_svg_(self):
        return "<svg onload='window.FORGED = 1'></svg>"

    def _repr_markdown_(self):
        return "[click](javascript:alert(1))<iframe src='//x'></iframe>"

    def _repr_latex_(self):
        return "$\\href{javascript:alert(1)}{x}$"

    def _repr_png_(self):
        return b"\x89PNG\r\n\x1a\n\"><script>window.FORGED = 1</script>"

    def __repr__(self):
        return "<script>window.FORGED = 1</script>"


Page()
