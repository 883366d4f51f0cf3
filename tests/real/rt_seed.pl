# Fills a Request Tracker with the queues and tickets of a service hall, through RT's own objects: over REST it takes
# minutes. Prints what came of it as JSON: the token of the user who reads, and every ticket as it stands.
use strict;
use warnings;
use utf8;
use lib '/usr/share/request-tracker5/lib';
use JSON ();
use RT;

RT::LoadConfig();
RT::Init();
require RT::AuthToken;
require RT::Scrips;

my ($count) = @ARGV;
my $system = RT->SystemUser;

sub made {
    my ($what, $id, @said) = @_;
    die "$what: @said\n" unless $id;
    return $id;
}

# No mail leaves, and nothing waits for it.
my $scrips = RT::Scrips->new($system);
$scrips->UnLimit;
while (my $scrip = $scrips->Next) { $scrip->SetDisabled(1) }

sub token_of {
    my ($user, $what) = @_;
    my ($id, $said, $token) = RT::AuthToken->new($system)->Create(Owner => $user->id, Description => $what);
    made('token', $id, $said);
    return $token;
}

my $staff = RT::User->new($system);
$staff->Load('root');
my $reader = RT::User->new($system);
made('user', $reader->Create(Name => 'weigov', Privileged => 1, EmailAddress => 'weigov@shifan.example'));
$reader->SetTimezone('Asia/Shanghai');
for my $right (qw(ShowTicket ShowTicketComments CommentOnTicket ReplyToTicket ModifyTicket SeeQueue SeeCustomField)) {
    made($right, $reader->PrincipalObj->GrantRight(Right => $right, Object => RT->System));
}

my @queues;
for my $name ('政务服务', '市民投诉', '咨询建议') {
    my $queue = RT::Queue->new($system);
    made($name, $queue->Create(Name => $name));
    push @queues, $queue;
}
my %fields;
for (['证件号', 'FreeformSingle'], ['材料', 'FreeformMultiple']) {
    my ($name, $type) = @$_;
    my $field = RT::CustomField->new($system);
    made($name, $field->Create(Name => $name, Type => $type, LookupType => 'RT::Queue-RT::Ticket'));
    made($name, $field->AddToObject($_)) for @queues;
    $fields{$name} = $field->id;
}

my @applicants;
for my $n (1 .. 7) {
    my $user = RT::User->new($system);
    my $name = ('张三', '李四', '𠮷田和子', '欧阳锋', '阿卜杜拉·买买提', "O'Neil", '王五 & 赵六')[$n - 1];
    made($name, $user->Create(Name => "applicant$n", RealName => $name, EmailAddress => "a$n\@shifan.example"));
    push @applicants, $user;
}

my @topics = ('不动产登记', '食品经营许可', '"道路"占用审批', '户口迁移 <加急>', '养老金申领 😀', '护照换发 & 补发');
my (@tickets, @gone);
for my $n (1 .. $count) {
    my $ticket = RT::Ticket->new($system);
    my $subject = $topics[$n % @topics] . " 第${n}号";
    made($subject, $ticket->Create(
        Queue => $queues[$n % @queues]->id,
        Subject => $subject,
        Requestor => $applicants[($n == 1 ? 2 : $n) % @applicants]->id,    # 1 is merged into 2
        "CustomField-$fields{'证件号'}" => sprintf('11010119900101%04d', $n),
        "CustomField-$fields{'材料'}" => ['身份证', "申请表$n"],
    ));
    $ticket->SetStatus('open') if $n % 5 == 1;
    $ticket->SetStatus('resolved') if $n % 5 == 2;
    if ($n % 20 == 0) {
        $ticket->SetStatus('deleted');
        push @gone, $ticket->id + 0;
        next;
    }
    push @tickets, $ticket;
}
my $merged = shift @tickets;
made('merge', $merged->MergeInto($tickets[0]->id));
push @gone, 1;

my %standing;
for my $ticket (@tickets) {
    $ticket->Load($ticket->id);
    my ($applicant) = @{ $ticket->Requestors->UserMembersObj->ItemsArrayRef };
    $standing{ $ticket->id } = [
        $ticket->Subject, $ticket->Status, $ticket->QueueObj->Name, $applicant->RealName,
    ];
}
print JSON->new->utf8->encode({
    token => token_of($reader, 'Weigov'), staff => token_of($staff, 'staff'), tickets => \%standing, gone => \@gone,
});
