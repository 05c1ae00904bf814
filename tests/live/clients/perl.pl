# Perl's HTTP::Tiny by the plan: perl perl.pl PLAN CA TOKEN URL...  (plain HTTP alone: its
# TLS is a package of its own)
use strict;
use warnings;
use HTTP::Tiny;

my ($plan, $ca, $token, @urls) = @ARGV;
my $client = HTTP::Tiny->new(keep_alive => 1, no_proxy => '*');
open my $file, '<', $plan or die "$plan: $!";
chomp(my @lines = <$file>);

sub content {
  my ($mode, $body) = @_;
  return () if $body eq '';
  return (content => $body) if $mode ne 'streamed';
  my @pieces = (substr($body, 0, 5), substr($body, 5));
  return (content => sub { shift @pieces });
}

for my $base (@urls) {
  my $lease = '';
  for my $line (@lines) {
    my ($step, $method, $path, $mode, $body) = split /\t/, $line, -1;
    $path =~ s/\{lease\}/$lease/;
    my %headers = (Authorization => "Bearer $token");
    $headers{'Content-Type'} = 'application/json' if $body ne '';
    my $reply = $client->request($method, $base . $path,
      {headers => \%headers, content($mode, $body)});
    if ($step =~ /^reserve/ && $reply->{content} =~ /"lease_id":\s*"([^"]+)"/) {
      $lease = $1;
    }
    print join("\t", $base, $step, $reply->{status},
      ($reply->{protocol} // '-') =~ s/HTTP\///r,
      $reply->{headers}{'content-type'} // '', $reply->{content}), "\n";
  }
}
