"""The HTML report of a failed test.

`_pytest.report_hooks` decides which tests get a page, and the process that ran a test writes it. `data` selects the
timeline's objects for a page, within `limits`; `page` and `index` put them into documents. The viewer in ``web/`` draws
them in the browser: ``model.js`` turns the objects into lanes, ``layout.js`` places them on the axis, and ``viewer.js``
draws the visible part. ``documents`` makes every document, and allows no script in it except the viewer's.
"""
