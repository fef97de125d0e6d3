#include "mailctl/output.h"
#include "mailctl/proc.h"
#include "mailctl/verbs.h"

#include <algorithm>
#include <chrono>
#include <fmt/core.h>
#include <map>
#include <thread>

namespace postern::mailctl {
namespace {

json::Value with_facts(const json::Value& process) {
    const ProcessFacts facts = facts_of(process["pid"].integer().value_or(0));
    json::Value out = process;
    json::Value kernel;
    if (facts.found)
        kernel.set("uid", facts.uid).set("capabilities", facts.capabilities).set("no_new_privs", facts.no_new_privs)
            .set("seccomp", facts.seccomp).set("memory", facts.memory);
    return out.set("kernel", std::move(kernel));
}

// The newest generation of each process that runs, by name and number.
using Generations = std::map<std::string, std::int64_t>;
Generations generations(const Context& c) {
    Generations all;
    for (const auto& p : c.client().get_all("/api/v1/processes")) {
        if (shown(p["state"]) != "running") continue;
        std::int64_t& newest = all[shown(p["service"]) + "/" + shown(p["instance"])];
        newest = std::max(newest, p["generation"].integer().value_or(0));
    }
    return all;
}

std::string not_replaced(const Generations& before, const Generations& now) {
    std::string names;
    for (const auto& [name, generation] : before) {
        const auto found = now.find(name);
        if (found != now.end() && found->second > generation) continue;
        if (!names.empty()) names += ", ";
        names += name;
    }
    return names;
}

constexpr std::chrono::minutes upgrade_limit(2);

} // namespace

int status(const Context& c) {
    const json::Value answer = c.client().get("/api/v1/status");
    const bool whole = answer["status"].text() && *answer["status"].text() == "running";
    c.show(answer, [](const json::Value& s) {
        return fmt::format("postern {} on {}: {}; {} of {} processes run, {} restarts\n", shown(s["version"]),
                           shown(s["hostname"]), shown(s["status"]), shown(s["running"]), shown(s["processes"]),
                           shown(s["restarts"]));
    });
    return whole ? exit_ok : exit_unavailable;
}

// What the kernel says stands beside what master's table says; a user that is not the table's is marked.
int ps(const Context& c) {
    json::Value processes = json::Array{};
    for (const auto& process : c.client().get_all("/api/v1/processes")) processes.push(with_facts(process));
    return c.show(processes, [](const json::Value& items) {
        std::vector<std::vector<std::string>> rows;
        for (const auto& p : *items.array()) {
            const json::Value& kernel = p["kernel"];
            const std::string uid = shown(p["uid"]), real = shown(kernel["uid"]);
            rows.push_back({shown(p["service"]), shown(p["instance"]), shown(p["state"]), shown(p["pid"]),
                            real.empty() || real == uid ? uid : uid + "!=" + real, shown(kernel["capabilities"]),
                            shown(kernel["no_new_privs"]), shown(kernel["seccomp"]),
                            kernel.is_null() ? "" : amount(kernel["memory"].number().value_or(0)), shown(p["restarts"]),
                            local_time(p["started"].integer().value_or(0))});
        }
        return table({"SERVICE", "#", "STATE", "PID", "UID", "CAPS", "NNP", "SECCOMP", "MEMORY", "RESTARTS", "STARTED"}, rows);
    });
}

// Degraded is an answer too: shown, and told by the exit code.
int health(const Context& c) {
    const Reply reply = c.client().exchange("GET", "/health", nullptr);
    const auto answer = json::parse(reply.body);
    if (!answer || !(*answer)["services"].object()) throw Failure{exit_software, "the answer is no health report"};
    c.show(*answer, [](const json::Value& h) {
        std::vector<std::vector<std::string>> rows;
        for (const auto& [name, service] : *h["services"].object()) rows.push_back({name, shown(service["processes"])});
        return "status: " + shown(h["status"]) + "\n" + table({"SERVICE", "PROCESSES"}, rows);
    });
    return exit_code_of(reply.status);
}

int reload(const Context& c) {
    c.client().send("POST", "/api/v1/reload");
    c.done("reloaded");
    return exit_ok;
}

int upgrade(const Context& c) {
    const auto before = generations(c);
    c.client().send("POST", "/api/v1/upgrade");
    const auto end = std::chrono::steady_clock::now() + upgrade_limit;
    std::string old = "the management API";
    bool goes_on = true;
    while (goes_on && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        try {
            const json::Value status = c.client().get("/api/v1/status");
            goes_on = status["upgrading"].flag() && *status["upgrading"].flag();
            old = not_replaced(before, generations(c));
        } catch (const Failure&) {}          // api-local is being replaced too
    }
    if (!old.empty())
        throw Failure{exit_unavailable, "not replaced: " + old + "; what ran before goes on. The log says why (master.upgrade)"};
    c.done("upgraded");
    return exit_ok;
}

int stop(const Context& c) {
    c.client().send("POST", "/api/v1/stop");
    c.done("stopping");
    return exit_ok;
}

int log_level(const Context& c) {
    c.client().send("PUT", "/api/v1/log-level", json::Value().set("level", c.arguments.one("LEVEL")));
    c.done("recording from " + c.arguments.one("LEVEL") + " on");
    return exit_ok;
}

// Page by page, since each says whether its part of the chain holds.
int audit_list(const Context& c) {
    json::Value items = json::Array{};
    bool intact = true;
    std::string page = "/api/v1/audit?limit=500";
    for (;;) {
        const json::Value listing = c.client().get(page);
        for (const auto& row : *listing["items"].array()) items.push(row);
        intact = intact && listing["intact"].flag() && *listing["intact"].flag();
        if (listing["next"].is_null()) break;
        page = "/api/v1/audit?limit=500&after=" + listing["next"].dump();
    }
    c.show(json::Value().set("items", items).set("intact", intact), [](const json::Value& all) {
        std::vector<std::vector<std::string>> rows;
        for (const auto& r : *all["items"].array())
            rows.push_back({shown(r["id"]), local_time(r["time"].integer().value_or(0)), shown(r["actor"]),
                            shown(r["action"]), shown(r["subject"]), shown(r["detail"])});
        return table({"#", "TIME", "WHO", "ACTION", "SUBJECT", "DETAIL"}, rows);
    });
    if (!intact) throw Failure{exit_data, "the chain of hashes is broken: rows were changed or removed"};
    return exit_ok;
}

} // namespace postern::mailctl
