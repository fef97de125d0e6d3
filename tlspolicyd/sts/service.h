// Policies as a service: questions of smtp-out and of operators in, questions to resolvd and fetch out.
#pragma once

#include "ipc/daemon.h"
#include "tlspolicyd/sts/policies.h"

namespace postern::sts {

class Service {
  public:
    // `failed` is told of each policy that is announced and could not be had.
    Service(ipc::Daemon& daemon, sql::Database db, std::function<void(const Failure&)> failed);

    void configure();                                // again, at a reload
    // A policy as its domain wrote it, in lines; none where that is not the one known.
    std::vector<std::string> policy_lines(const std::string& domain, std::string_view id) { return policies_.lines(domain, id); }

  private:
    Outside outside(std::function<void(const Failure&)> failed);
    void tidy();

    ipc::Daemon& daemon_;
    sql::Database db_;
    Store store_;
    Policies policies_;
    Timer refresh_, tidy_;
};

} // namespace postern::sts
