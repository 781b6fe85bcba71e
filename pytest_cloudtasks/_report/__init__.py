"""The HTML report of a failed test.

`_pytest.report_hooks` decides which tests get a page, and the process that ran a test writes it. `data` makes plain
data of the history: `lanes`, rows, `details`, within `limits`. `layout` puts them on the axis, and `page` makes HTML of
it, with the style and the script in ``page/``. Every text is escaped in `html`, and a policy in the page lets no script
run but its own.
"""
