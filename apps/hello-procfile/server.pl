# Says who answers, in a language that no stager knows: the Procfile tells how it is started.
use strict;
use warnings;
use IO::Socket::INET;

my ($about, $server_pid) = ($ENV{VCAP_APPLICATION} // '', $$);
my ($name) = $about =~ /"name":"([^"]*)"/;
my ($index) = $about =~ /"instance_index":(\d+)/;
my ($id) = $about =~ /"instance_id":"([^"]*)"/;
my $port = $ENV{PORT} // 3000;
my $body = sprintf qq({"app":"%s","index":%d,"instance":"%s","runtime":"Perl %vd","pid":%d}\n), $name // '', $index // 0,
    $id // '', $^V, $server_pid;

sub answer {
    my $client = shift;
    my $request = <$client> // return;
    while (defined(my $line = <$client>)) { last if $line =~ /^\r?\n/ }
    kill 'KILL', $server_pid if $request =~ m{^GET /crash};
    print $client "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ", length $body,
        "\r\nConnection: close\r\n\r\n", $body;
}

$SIG{CHLD} = 'IGNORE';
my $server = IO::Socket::INET->new(LocalPort => $port, Listen => 128, ReuseAddr => 1) or die "port $port: $!";
$| = 1;
print "listening on port $port\n";
while (1) {
    my $client = $server->accept or next; # A signal, mostly.
    my $child = fork // next;
    if ($child == 0) {
        close $server;
        answer($client);
        exit;
    }
    close $client;
}
