/// Which series: a row in a daemon with a program.
struct SeriesKey: Hashable, Sendable {
    let daemon: Int
    let program: JobProgram
    let row: Int
}
