import unittest


class OrderTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.orders = []

    def setUp(self):
        self.orders.append(self.id())
        self.addCleanup(self.orders.pop)

    def test_one(self):
        self.assertEqual(len(self.orders), 1)

    def test_another(self):
        for number in (1, 2):
            with self.subTest(number=number):
                self.assertEqual(len(self.orders), 1)

    def test_failing(self):
        self.assertIn("a", "b")

    @unittest.skip("not here")
    def test_skipped(self):
        self.fail()

    @unittest.expectedFailure
    def test_expected_failure(self):
        self.fail()


class BrokenTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise ConnectionError("no database")

    def test_never(self):
        self.fail()


class AsyncTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.number = 1

    async def test_number(self):
        self.assertEqual(self.number, 1)

    async def test_failing(self):
        self.assertEqual(self.number, 2)
