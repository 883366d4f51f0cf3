# Fills a Redmine with the projects and issues of an office, through its own models, and prints what came of it as JSON.
require 'json'

count = ARGV.last.to_i
Redmine::DefaultData::Loader.load('zh')
Setting.rest_api_enabled = '1'
Setting.notified_events = []
Setting.default_language = 'zh'

admin = User.where(admin: true).first
admin.update!(must_change_passwd: false)
reader = User.new(firstname: '微', lastname: '政', mail: 'weigov@shifan.example', status: 1)
reader.login = 'weigov'
reader.password = reader.password_confirmation = SecureRandom.hex(12)
reader.save!

projects = %w[政务公开 市民来信].each_with_index.map do |name, n|
  project = Project.new(name: name, identifier: "office#{n}", is_public: true)
  project.trackers = Tracker.all
  project.enabled_module_names = ['issue_tracking']
  project.save!
  Member.create!(project: project, principal: reader, roles: [Role.givable.first])
  project
end
hidden = Project.create!(name: '内部', identifier: 'hidden', is_public: false, trackers: Tracker.all)

topics = ['道路积水 & 排水', '夜间施工 <噪声>', '𠮷祥里小区停车', '公交改线 😀', '路灯"不亮"']
statuses = IssueStatus.sorted.to_a
standing = {}
(1..count).each do |n|
  project = n % 30 == 0 ? hidden : projects[n % projects.size]
  issue = Issue.new(project: project, tracker: Tracker.first, author: admin, priority: IssuePriority.default,
                    subject: "#{topics[n % topics.size]} 第#{n}件", description: "来信正文 #{n}")
  issue.status = statuses[n % statuses.size]
  issue.notify = false
  issue.save!
  next if project == hidden
  standing[issue.id.to_s] = [issue.subject, issue.status.name, project.name]
end
puts JSON.generate(
  key: reader.api_key, staff: admin.api_key, issues: standing, statuses: statuses.to_h { |s| [s.name, s.id] }
)
