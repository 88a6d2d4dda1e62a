import Glibc
import Testing

@testable import HelperService

@Suite("The pages that a launch uses")
struct WarmPagesTests {
    @Test("are not waited for without an end, and whoever stands still over them is gone")
    func standsStill() async {
        await #expect(processExitsWith: .success) {
            // Where nothing ends the wait this ends the process.
            alarm(120)
            let pages = WarmPages { while true { pause() } }
            pages.populate()
            #expect(waitpid(-1, nil, WNOHANG) == -1 && errno == ECHILD)
        }
    }
}
