"""The HTML report of a failed test.

`_pytest.report_hooks` decides which tests get a page, and the process that ran a test writes it. `data` chooses the
objects of the timeline that a page has, within `limits`; `page` and `index` put them into documents. The viewer in
``web/`` draws them in the browser: ``model.js`` makes lanes of the objects, ``layout.js`` places them on the axis, and
``viewer.js`` shows what is in view. ``documents`` makes every document, in which no script runs but the viewer's.
"""
