import Testing

@testable import spawn_benchmarks

@Suite("The text of a report")
struct ReportTextTests {
    @Test(
        "Numbers have a fixed count of digits and thousands set apart",
        arguments: [
            (value: 0.0, digits: 2, text: "0.00"), (value: 1.005, digits: 1, text: "1.0"),
            (value: 9.96, digits: 1, text: "10.0"), (value: 1_234_567.04, digits: 1, text: "1,234,567.0"),
            (value: 999.5, digits: 0, text: "1,000"), (value: -0.25, digits: 2, text: "-0.25"),
            (value: -0.001, digits: 2, text: "0.00"), (value: 3.05, digits: 2, text: "3.05"),
        ]
    )
    func decimal(value: Double, digits: Int, text: String) {
        #expect(Decimal.text(value, digits) == text)
    }

    @Test func `columns are as wide as their widest cell`() {
        var table = TextTable(header: ["row", "time"])
        table.add(["isolated", "1.0"])
        #expect(
            table.text == """
                | row      | time |
                | -------- | ---: |
                | isolated |  1.0 |

                """
        )
    }

    @Test func `a field of a file of the kernel is found whatever stands around its name`() {
        let text = "processor\t: 0\nmodel name\t: AMD EPYC\nPPid:\t12\n"
        #expect(ProcessFile.field("model name", of: text) == "AMD EPYC")
        #expect(ProcessFile.field("PPid", of: text) == "12")
        #expect(ProcessFile.field("name", of: text) == nil)
    }
}
