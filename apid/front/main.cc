#include "apid/front/service.h"

using namespace postern;

int main() {
    return ipc::run_daemon({.self = ipc::ServiceId::api_front, .prepare = {}, .start = [](ipc::Daemon& daemon) {
        static api::FrontService service(daemon);
    }});
}
