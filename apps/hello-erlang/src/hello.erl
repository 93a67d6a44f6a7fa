%% Says who answers, with MochiWeb.
-module(hello).
-export([start/0, answer/1]).

%% The server lives as long as the process that starts it.
start() ->
    spawn(fun() -> serve(), timer:sleep(infinity) end).

serve() ->
    {ok, _} = application:ensure_all_started(inets),
    Port = list_to_integer(os:getenv("PORT", "3000")),
    {ok, _} = mochiweb_http:start([{name, ?MODULE}, {port, Port}, {loop, fun ?MODULE:answer/1}]),
    io:format("listening on port ~p~n", [Port]).

answer(Request) ->
    case mochiweb_request:get(path, Request) of
        "/crash" -> erlang:halt(1);
        _ -> mochiweb_request:ok({"application/json", body()}, Request)
    end.

body() ->
    ["{\"application\":", os:getenv("VCAP_APPLICATION", "{}"), ",\"runtime\":\"Erlang/OTP ",
     erlang:system_info(otp_release), ", MochiWeb\",\"pid\":", os:getpid(), "}\n"].
