<?php
// php install.php ROOT: install WordPress into its empty database and make an editor with an application password,
// as the set-up page and Users > Profile would. Prints {"login", "password"}.

define('WP_INSTALLING', true);
$_SERVER['HTTP_HOST'] = 'www.shifan.example';
function wp_new_blog_notification() {}  // it would send a mail
require $argv[1] . '/wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';

wp_install('示范市人民政府门户网站', 'guanli', 'guanli@shifan.example', true, '', wp_generate_password(24));
update_option('timezone_string', 'Asia/Shanghai');
update_option('permalink_structure', '/zwgk/%year%%monthnum%/t%post_id%.html');
update_option('blogdescription', '');
flush_rewrite_rules();
foreach (get_posts(array('numberposts' => -1, 'post_status' => 'any', 'post_type' => 'any')) as $post) {
    wp_delete_post($post->ID, true);  // "Hello world!"
}

$editor = wp_insert_user(array(
    'user_login' => 'bianji', 'user_pass' => wp_generate_password(24), 'role' => 'editor', 'display_name' => '市政府办公室',
));
list($password) = WP_Application_Passwords::create_new_application_password($editor, array('name' => 'weigov'));
echo json_encode(array('login' => 'bianji', 'password' => $password));
