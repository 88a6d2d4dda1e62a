import CHelperService
import Glibc
import LaunchPlan
import Testing

@Suite("The environment of a process that opens a session")
struct EnvironmentTests {
    private static var variables: [String] {
        var variables: [String] = []
        var next = unsafe environ
        while let text = unsafe next.pointee {
            variables.append(unsafe String(cString: text))
            unsafe next += 1
        }
        return variables
    }

    @Test("is a search path and nothing else, whatever modules have made of it")
    func replaced() async {
        await #expect(processExitsWith: .success) {
            let path = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
            helper_environment_replace()
            #expect(Self.variables == path)
            for name in ["PATH", "LD_PRELOAD", "KRB5CCNAME"] { #expect(unsafe setenv(name, "/tmp", 1) == 0) }
            #expect(Self.variables.count == 3)
            helper_environment_replace()
            #expect(Self.variables == path)
            #expect(unsafe setenv("PATH", "/tmp", 1) == 0 && unsetenv("PATH") == 0)
            helper_environment_replace()
            #expect(Self.variables == path)
            // What strtok(3) makes of a list.
            if let text = unsafe getenv("PATH") { unsafe memset(text, 0, strlen(text)) }
            #expect(Self.variables == ["PATH="])
            helper_environment_replace()
            #expect(Self.variables == path)
        }
    }
}
