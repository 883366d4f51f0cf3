<?php
// php seed.php ROOT SEED.json: the categories, pictures and posts of SEED.json into WordPress, through its own functions.
// Prints {"categories": {name: id}, "posts": {name: id}}.
//
// {categories: [{name, title, parent}], media: [{name, file, title}],
//  posts: [{name, title, content, excerpt, status, date_gmt, categories, featured, password, trash}]}
// In content, {{url:NAME}} and {{id:NAME}} are a picture's.

$_SERVER['HTTP_HOST'] = 'www.shifan.example';
require $argv[1] . '/wp-load.php';
require ABSPATH . 'wp-admin/includes/image.php';
require ABSPATH . 'wp-admin/includes/taxonomy.php';

$seed = json_decode(file_get_contents($argv[2]), true);
wp_set_current_user(1);
kses_remove_filters();  // as for an administrator: what is pasted stays as it was pasted

function failed($what, $result) {
    if (is_wp_error($result) || !$result) {
        fwrite(STDERR, "$what: " . (is_wp_error($result) ? $result->get_error_message() : 'failed') . "\n");
        exit(1);
    }
    return $result;
}

$categories = array();
foreach ($seed['categories'] as $each) {
    $made = failed($each['title'], wp_insert_term($each['title'], 'category', array(
        'slug' => $each['name'],
        'parent' => $each['parent'] === '' ? 0 : $categories[$each['parent']],
    )));
    $categories[$each['name']] = $made['term_id'];
}

$holes = array();
$pictures = array();
foreach ($seed['media'] as $each) {
    $kept = wp_upload_bits(basename($each['file']), null, file_get_contents($each['file']));
    if ($kept['error']) failed($each['file'], new WP_Error('upload', $kept['error']));
    $id = failed($each['file'], wp_insert_attachment(array(
        'post_mime_type' => $kept['type'], 'post_title' => $each['title'], 'post_status' => 'inherit',
    ), $kept['file']));
    wp_update_attachment_metadata($id, wp_generate_attachment_metadata($id, $kept['file']));
    $pictures[$each['name']] = $id;
    $holes['{{id:' . $each['name'] . '}}'] = $id;
    $holes['{{url:' . $each['name'] . '}}'] = wp_get_attachment_url($id);
}

$posts = array();
foreach ($seed['posts'] as $each) {
    $id = failed($each['title'], wp_insert_post(wp_slash(array(
        'post_title' => $each['title'],
        'post_content' => strtr($each['content'], $holes),
        'post_excerpt' => $each['excerpt'],
        'post_status' => $each['status'],
        'post_password' => $each['password'],
        'post_author' => 2,
        'post_date_gmt' => $each['date_gmt'],
        'post_date' => get_date_from_gmt($each['date_gmt']),
        'post_category' => array_map(fn($name) => $categories[$name], $each['categories']),
    )), true));
    if ($each['featured'] !== '') set_post_thumbnail($id, $pictures[$each['featured']]);
    if ($each['trash']) failed($each['title'], wp_trash_post($id));
    $posts[$each['name']] = $id;
}
echo json_encode(array('categories' => $categories, 'posts' => $posts));
